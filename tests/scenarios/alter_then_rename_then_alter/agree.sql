SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE GREATEST(t.a, 1) <> n.a;
