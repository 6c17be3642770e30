SELECT * FROM public.t WHERE age < 18;
