SELECT * FROM public.items t JOIN public_plan.items n USING (id) WHERE t.y <> n.y;
