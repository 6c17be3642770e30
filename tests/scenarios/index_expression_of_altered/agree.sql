SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.name <> left(n.label, 9) AND t.name || '!' <> n.label;
