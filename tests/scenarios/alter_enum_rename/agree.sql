SELECT * FROM public.t o JOIN public_plan.t n USING (id)
 WHERE n.feels::text IS DISTINCT FROM CASE o.feels WHEN 'sad' THEN 'ok' WHEN 'ok' THEN 'sad' WHEN 'So So' THEN 'Meh' END;
