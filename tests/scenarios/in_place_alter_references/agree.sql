SELECT * FROM public.t WHERE p NOT IN (SELECT id FROM public.p);
