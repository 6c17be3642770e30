INSERT INTO t VALUES (:n, 1, 'old');
SELECT * FROM v WHERE id = :n;
