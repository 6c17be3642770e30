SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.n <> LEAST(n.n, 2147483647);
