SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE (t.active = 'yes') IS DISTINCT FROM n.active;
