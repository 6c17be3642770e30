SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.c2::text <> n.c2 OR abs(t.c5) <> n.c5;
