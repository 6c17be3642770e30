INSERT INTO users VALUES (:n, 'old', '1', 'b');
UPDATE users SET fax = fax || '1' WHERE id = :n;
