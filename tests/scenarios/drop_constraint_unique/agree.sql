SELECT * FROM public.t FULL JOIN public_plan.t n USING (id) WHERE (id < 1000000 OR id >= :from) AND split_part(t.mail, '/', 1) IS DISTINCT FROM n.address;
