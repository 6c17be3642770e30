INSERT INTO t (id, label) VALUES (:n, 'new');
SELECT count(*) FROM other;
