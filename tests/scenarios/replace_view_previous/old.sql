INSERT INTO t VALUES (:n, 'old');
SELECT 1 / (shout(v) = 'OLD')::int FROM all_t WHERE id = :n;
