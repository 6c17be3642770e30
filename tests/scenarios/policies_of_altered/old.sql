SET ROLE app_reader;
INSERT INTO t VALUES (:n, 'app_reader', 5);
SELECT 1 / (count(*) FILTER (WHERE owner = 'else') = 0)::int FROM t;
RESET ROLE;
