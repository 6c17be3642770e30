SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.first <> split_part(n.name, ' ', 1);
