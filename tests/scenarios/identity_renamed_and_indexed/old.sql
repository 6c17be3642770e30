SET ROLE app_writer;
INSERT INTO t (id) VALUES (:n);
RESET ROLE;
