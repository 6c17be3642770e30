INSERT INTO accounts VALUES (:n, 'new');
UPDATE accounts SET name = 'newer' WHERE id = :n;
DELETE FROM accounts WHERE id = :n;
