SET ROLE app_reader;
INSERT INTO t (id, holder, body) VALUES (:n, 'app_reader', 'b');
SELECT 1 / (count(*) FILTER (WHERE holder = 'else') = 0)::int FROM t;
RESET ROLE;
