SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE coalesce(t.words, '') <> n.words;
