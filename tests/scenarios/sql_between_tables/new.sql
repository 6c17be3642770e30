INSERT INTO t VALUES (:n, 'b');
SELECT * FROM uses JOIN kinds ON kind = code;
