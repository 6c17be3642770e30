INSERT INTO t VALUES (:n, 'old');
INSERT INTO child VALUES (:n, :n);
SELECT 1 / count(*) FROM pairs WHERE parent = :n;
