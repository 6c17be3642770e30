SET ROLE app_writer;
INSERT INTO t (id, c) VALUES (:n, 1);
RESET ROLE;
