SELECT * FROM public.t o JOIN public_plan.t n USING (id)
 WHERE id <= 300 AND o.feels::text <> replace(replace(n.feels::text, 'fine', 'ok'), 'meh', 'sad');
