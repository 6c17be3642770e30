SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE coalesce(n.name, 'none') IS DISTINCT FROM t.name;
