SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.n <> LEAST(n.n, 990) / 10;
