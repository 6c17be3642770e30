SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.a <> n.b::text OR t.x IS DISTINCT FROM n.a;
