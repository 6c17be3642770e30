SELECT * FROM public.t WHERE (x IS NULL) <> (y IS NULL);
