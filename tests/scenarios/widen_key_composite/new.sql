INSERT INTO accounts VALUES ('new' || :n, 7, 'x'), ('new', :n, 'x');
INSERT INTO entries VALUES ('new' || :n, 1, 7);
INSERT INTO lines VALUES (:n, 'new' || :n, 7, 1);
UPDATE accounts SET id = 8, name = 'moved' WHERE tenant = 'new' || :n;
DELETE FROM accounts WHERE tenant = 'new' || :n AND :n % 2 = 0;
