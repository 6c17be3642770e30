SELECT * FROM public.t o JOIN public_plan.t n USING (id)
 WHERE id < 1000 AND n.felt::text <> replace(replace(replace(replace(o.felt::text, 'gone', 'sad'), 'ok', 'x'), 'sad', 'ok'), 'x', 'sad');
