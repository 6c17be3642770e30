SELECT * FROM public.t FULL JOIN public_plan.t n USING (number) WHERE COALESCE(t.shop, 0) IS DISTINCT FROM n.shop OR t.note IS DISTINCT FROM n.note;
