SET ROLE app_reader;
SELECT 1 / (count(*) FILTER (WHERE owner <> 'app_reader') = 0)::int FROM t;
RESET ROLE;
INSERT INTO t VALUES (:n, 'other', 1);
