INSERT INTO m VALUES (:n, :n % 20, 7);
UPDATE m SET v = 8 WHERE id = :n;
UPDATE m SET at = (at + 10) % 20 WHERE id = :n;
