INSERT INTO t (id, c) VALUES (:n, 'x') ON CONFLICT (id) DO UPDATE SET a = excluded.a RETURNING a, c;
WITH w AS (INSERT INTO t VALUES (-:n, 1, 'y') RETURNING id) DELETE FROM t USING w WHERE t.id = w.id;
UPDATE t SET (a, c) = (SELECT a, 'z' FROM t WHERE id = 4) WHERE id = :n;
SELECT id FROM t WHERE id = :n FOR UPDATE;
DELETE FROM t WHERE id = -:n;
