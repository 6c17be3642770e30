INSERT INTO t (id, at) VALUES (:n, '2023-05-05');
