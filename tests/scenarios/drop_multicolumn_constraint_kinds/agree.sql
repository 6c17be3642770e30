SELECT * FROM public.t WHERE a <> b;
