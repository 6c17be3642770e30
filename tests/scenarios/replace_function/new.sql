INSERT INTO t VALUES (:n, 10, 'new');
CALL touch(:n);
SELECT 1 / (net(10) = 4)::int;
SELECT 1 / count(*) FROM notes() AS n WHERE n = 'touched';
