SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE left(t.name, 12) <> n.name;
