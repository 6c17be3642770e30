SELECT * FROM public.t WHERE team NOT IN (SELECT id FROM public.teams);
