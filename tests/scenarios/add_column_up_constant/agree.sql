SELECT * FROM public_plan.t WHERE id >= :from AND CASE
WHEN a IN ('old', 'older') THEN (origin, kind, amount, note) IS DISTINCT FROM ('before', 'old', 0, NULL)
WHEN a = 'new' THEN (origin, kind, amount, note) IS DISTINCT FROM (NULL, 'new', 0, '-')
ELSE (origin, kind, amount, note) IS DISTINCT FROM ('mine', 'm', 5, 'n') END
OR id < 1000000 AND (origin, kind, amount, note) IS DISTINCT FROM ('before', 'old', 0, NULL);
