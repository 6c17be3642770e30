SELECT * FROM public.t FULL JOIN public_plan.t n USING (id) WHERE (t.a, t.b, t.c) IS DISTINCT FROM (n.a, n.bb, n.c) OR n.team IS NOT NULL AND t.team <> n.team;
