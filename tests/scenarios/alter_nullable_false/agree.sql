SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE coalesce(t.name, 'unknown') IS DISTINCT FROM n.name;
