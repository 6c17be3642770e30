INSERT INTO t (id) VALUES (:n);
UPDATE t SET note = 'x', feels = 'lost'::mood WHERE id = :n;
SELECT 1 / (count(*) FILTER (WHERE id = 3 AND feels <> 'ok'::mood) = 0)::int FROM t;
