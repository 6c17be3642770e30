SELECT * FROM public.t o JOIN public_plan.t n USING (id) WHERE o.a <> n.a OR n.size <> length(n.body);
