INSERT INTO staff VALUES (:n, 5, 'o');
INSERT INTO staff VALUES (-:n, :n, 'o');
DELETE FROM staff WHERE id = :n;
DELETE FROM staff WHERE id = -:n;
