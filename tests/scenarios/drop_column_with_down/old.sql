INSERT INTO users VALUES (:n, 'old', 'MY OLD');
UPDATE users SET loud = 'MY OLD 2' WHERE id = :n;
