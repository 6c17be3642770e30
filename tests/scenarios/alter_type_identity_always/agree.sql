SELECT o.id, n.id FROM public.t o FULL JOIN public_plan.t n USING (id) WHERE o.id IS NULL OR n.id IS NULL;
