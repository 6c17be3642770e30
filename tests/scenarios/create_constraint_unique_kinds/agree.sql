SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.b <> split_part(n.b, '-', 1);
