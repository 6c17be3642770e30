INSERT INTO a VALUES (:n, :n);
INSERT INTO b VALUES (:n, :n);
UPDATE b SET v = -v WHERE id = :n;
