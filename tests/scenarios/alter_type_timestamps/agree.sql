SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.at AT TIME ZONE 'UTC' <> n.at;
