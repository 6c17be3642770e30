SELECT 'old' FROM public.people WHERE name = 'TWO' UNION ALL SELECT 'new' FROM public_plan.names WHERE name LIKE '% %'
