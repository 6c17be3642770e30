INSERT INTO t VALUES (:n, 1, 'o');
SELECT * FROM seen WHERE id = :n;
