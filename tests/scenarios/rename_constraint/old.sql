INSERT INTO t VALUES (:n, 'mail:n', 1, 'a', 2);
INSERT INTO t VALUES (:n, 'mail:n', 1, 'a', 2) ON CONFLICT ON CONSTRAINT t_key DO UPDATE SET age = 7;
INSERT INTO t VALUES (:n, 'mail:n', 1, 'a', 2) ON CONFLICT ON CONSTRAINT mail_once DO NOTHING;
