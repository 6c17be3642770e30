SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.b <> n.b OR t.id < 1000000 AND t.a + t.b <> n.a;
