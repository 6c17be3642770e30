INSERT INTO a VALUES (:n);
UPDATE a SET v = :n WHERE id = :n;
INSERT INTO b VALUES (:n, :n);
UPDATE b SET v = -v WHERE id = :n;
