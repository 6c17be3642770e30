SELECT * FROM public.t o JOIN public_plan.t n USING (id) WHERE o.doubled::text IS DISTINCT FROM n.doubled;
