SELECT o.id FROM public.t o JOIN public_plan.t n USING (id) WHERE o.a + 1 <> n.a;
