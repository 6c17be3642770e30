SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.a IS DISTINCT FROM NULLIF(n.a, 0);
