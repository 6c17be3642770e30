INSERT INTO t (id) VALUES (:n);
SELECT count(*) FROM public.moods;
