SELECT * FROM public.t FULL JOIN public_plan.u n USING (id) WHERE (t.mail, t.age, t.team) IS DISTINCT FROM (n.mail, n.age, n.team);
