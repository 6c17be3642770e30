SELECT * FROM public.t FULL JOIN public_plan.u n USING (id) WHERE t.shop IS DISTINCT FROM n.shop OR t.number IS DISTINCT FROM n.no AND t.number <> -id;
