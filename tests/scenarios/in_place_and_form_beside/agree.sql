SELECT id FROM public.t o JOIN public_plan.t n USING (id) WHERE o.a IS NULL OR o.b::text <> split_part(n.b, '/', 2);
