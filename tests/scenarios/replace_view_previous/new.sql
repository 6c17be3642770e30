INSERT INTO t VALUES (:n, 'new');
SELECT 1 / (shout(v) = 'NEW!')::int FROM all_t WHERE v = 'new' AND n > 0;
