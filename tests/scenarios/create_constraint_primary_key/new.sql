INSERT INTO t VALUES (2, :n, 'y');
UPDATE t SET shop = 3 WHERE number = :n;
