(SELECT 't', e.*::text FROM public.t e EXCEPT SELECT 't', e.*::text FROM public._segue_new_t e)
UNION ALL (SELECT 't2', e.*::text FROM public._segue_new_t e EXCEPT SELECT 't2', e.*::text FROM public.t e)
UNION ALL (SELECT 's', e.*::text FROM public.s e EXCEPT SELECT 's', e.*::text FROM public._segue_new_s e)
UNION ALL (SELECT 's2', e.*::text FROM public._segue_new_s e EXCEPT SELECT 's2', e.*::text FROM public.s e)
