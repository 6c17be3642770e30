SELECT * FROM public.t WHERE twice >= 30;
