SELECT id FROM public.t JOIN public_plan.t n USING (id) WHERE t.a::jsonb <> n.a;
