INSERT INTO goods VALUES (:n, 5);
UPDATE goods SET net = net + 1 WHERE id = :n;
