INSERT INTO t VALUES (:n, 1, 'new');
SELECT * FROM public.v WHERE id = :n;
