SELECT id FROM public.t o JOIN public_plan.t n USING (id) WHERE o.a * 2 <> n.a;
