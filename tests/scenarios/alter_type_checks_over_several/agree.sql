SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE (t.low, t.high) <> (n.low, n.high);
