SELECT * FROM public.t FULL JOIN public_plan.t n USING (id) WHERE n.country IS NOT NULL AND (t.country, t.city) IS DISTINCT FROM (n.country, n.city);
