SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.parent IS DISTINCT FROM n.parent OR id > 999999 AND t.parent NOT IN (SELECT p.id FROM public.parents p);
