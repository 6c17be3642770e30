SELECT * FROM public.t WHERE id >= :from AND a NOT IN (5, 7);
