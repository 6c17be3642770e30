SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.v <> coalesce(n.v::text, 'none');
