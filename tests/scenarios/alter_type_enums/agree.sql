SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE (t.state = 'new') <> (n.state = 'open') OR t.word <> n.word::text;
