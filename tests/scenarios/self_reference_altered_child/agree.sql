SELECT id FROM public.t o JOIN public_plan.t n USING (id) WHERE o.parent IS DISTINCT FROM NULLIF(n.parent, n.id);
