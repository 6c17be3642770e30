SELECT n FROM public.ev o JOIN public_plan.ev n USING (n) WHERE o.id <> n.id % 5000000000 OR o.code <> n.code
