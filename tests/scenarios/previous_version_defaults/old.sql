INSERT INTO t (id) VALUES (:n);
INSERT INTO t (id, gone) VALUES (-:n, 'mine');
DELETE FROM t WHERE id = -:n;
