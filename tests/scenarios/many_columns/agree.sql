SELECT o.id FROM public.t o JOIN public_plan.t n USING (id) WHERE o.c1499 <> n.c1499;
