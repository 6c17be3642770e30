SELECT * FROM public.t o JOIN public_plan.t n USING (id)
 WHERE n.feels::text <> CASE o.feels WHEN 'gone' THEN 'sad' WHEN 'sad' THEN 'sad' ELSE 'fine' END
    OR id <= 400 AND o.feels::text <> (ARRAY['sad', 'gone', 'lost', 'ok'])[id % 4 + 1];
