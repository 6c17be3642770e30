INSERT INTO m VALUES (:n, :n % 20, 7, 70);
UPDATE m SET w = 80 WHERE id = :n;
