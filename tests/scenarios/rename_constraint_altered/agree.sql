SELECT * FROM public.t FULL JOIN public_plan.t n USING (id) WHERE (t.code, t.size, t.team) IS DISTINCT FROM (n.code, n.size, n.team);
