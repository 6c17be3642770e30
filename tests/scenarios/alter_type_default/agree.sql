SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.amount IS DISTINCT FROM n.amount OR t.amount NOT IN (5, 6, 10) AND id > 999999;
