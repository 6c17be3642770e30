SET ROLE app_writer;
INSERT INTO u (id) VALUES (:n);
RESET ROLE;
