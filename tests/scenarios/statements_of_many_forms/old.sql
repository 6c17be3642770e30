INSERT INTO t (id) VALUES (:n) ON CONFLICT (id) DO UPDATE SET a = t.a + 1 RETURNING a;
WITH w AS (UPDATE t SET a = a + 1 WHERE id = :n RETURNING *) SELECT * FROM w;
UPDATE t SET a = o.a FROM t o WHERE o.id = 3 AND t.id = :n;
DELETE FROM t WHERE id = :n;
