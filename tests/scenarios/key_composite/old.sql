INSERT INTO lines VALUES (:n, 1, NULL);
INSERT INTO notes VALUES (:n, :n, 1);
DELETE FROM lines WHERE doc = :n;
