INSERT INTO staff VALUES (:n, 5, 'n');
INSERT INTO staff VALUES (:n + 1000000000, :n, 'n');
DELETE FROM staff WHERE id = :n;
