INSERT INTO t (id, day) VALUES (:n, '2025-05-05');
