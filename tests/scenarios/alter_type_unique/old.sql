INSERT INTO t VALUES (:n, '0:n', 'p');
INSERT INTO t VALUES (-:n, '0:n', 'q') ON CONFLICT (code) DO UPDATE SET part = 'r';
