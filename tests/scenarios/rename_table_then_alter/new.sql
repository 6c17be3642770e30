INSERT INTO people VALUES (:n, 40, true);
UPDATE people SET age = age + 1 WHERE id = :n;
