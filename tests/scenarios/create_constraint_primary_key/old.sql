INSERT INTO t VALUES (NULL, :n, 'y');
UPDATE t SET note = 'z' WHERE number = :n;
