SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.u <> n.u::text;
