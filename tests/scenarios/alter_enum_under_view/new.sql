INSERT INTO t VALUES (:n, 'fine'::mood);
SELECT 1 / (count(*) FILTER (WHERE id = :n) = 1)::int FROM happy_ids;
