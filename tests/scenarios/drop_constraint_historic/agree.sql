SELECT * FROM public.t WHERE a > 99;
