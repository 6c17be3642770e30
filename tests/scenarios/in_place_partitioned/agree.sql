SELECT * FROM public.t WHERE n IS NULL OR n > 2;
