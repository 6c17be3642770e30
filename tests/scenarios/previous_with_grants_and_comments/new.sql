SET ROLE app_writer;
INSERT INTO t (id, c) VALUES (:n, 1);
RESET ROLE;
SELECT 1 / (obj_description('public_plan.t'::regclass) = 'a table')::int;
