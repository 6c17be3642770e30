SELECT * FROM public.t o JOIN public_plan.t n USING (id) WHERE trunc(o.price) <> n.price
OR o.note IN ('old', 'old, noted', 'touched by new') AND o.price <> 7.25;
