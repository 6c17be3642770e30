SELECT id FROM public.t o JOIN public_plan.t n USING (id) WHERE o.a <> LEAST(n.a, 999);
