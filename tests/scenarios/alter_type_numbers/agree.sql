SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE round(t.n) <> n.n OR trim(t.c) <> left(n.c, 6);
