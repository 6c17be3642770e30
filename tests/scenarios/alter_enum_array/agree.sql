SELECT * FROM public.t o JOIN public_plan.t n USING (id)
 WHERE n.id < 1000 AND translate(n.felt::text, 'sadkogn', 'xxxxxxx') <> translate(replace(o.felt::text, 'gone', 'ok'), 'sadkogn', 'xxxxxxx') AND n.id <> 102;
