INSERT INTO a VALUES (:n, 1);
UPDATE a SET v = 2 WHERE id = :n;
INSERT INTO b VALUES (:n, :n);
UPDATE b SET v = -v WHERE id = :n;
INSERT INTO c VALUES (:n, 1);
DELETE FROM c WHERE id = :n;
INSERT INTO e VALUES (:n, 1);
UPDATE e SET v = 2 WHERE id = :n;
