INSERT INTO t VALUES (:n, 'sad'::mood);
UPDATE t SET note = 'old' WHERE id = :n - 2;
SELECT 1 / (count(*) FILTER (WHERE feels NOT IN ('sad'::mood, 'ok'::mood)) = 0)::int FROM t;
