SELECT * FROM public.t o JOIN public_plan.t n USING (id)
 WHERE o.feels::text <> CASE n.feels WHEN 'low' THEN 'sad' WHEN 'meh' THEN 'ok' ELSE n.feels::text END;
