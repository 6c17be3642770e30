INSERT INTO accounts VALUES ('old' || :n, 7, 'x'), ('old', :n, 'x');
INSERT INTO entries VALUES ('old' || :n, 1, 7);
INSERT INTO lines VALUES (:n, 'old' || :n, 7, 1);
UPDATE accounts SET id = 8, name = 'moved' WHERE tenant = 'old' || :n;
DELETE FROM accounts WHERE tenant = 'old' || :n AND :n % 2 = 0;
