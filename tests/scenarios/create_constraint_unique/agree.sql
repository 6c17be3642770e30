SELECT * FROM public.t FULL JOIN public_plan.t n USING (id) WHERE t.shop IS DISTINCT FROM n.shop OR t.number IS DISTINCT FROM split_part(n.number, '-', 1);
