SELECT 'people', o.id, n.id FROM public.people o FULL JOIN public_plan.people n ON n.id = o.id WHERE o.id IS NULL OR n.id IS NULL OR o.boss IS DISTINCT FROM n.boss
UNION ALL SELECT 'orders', o.person, n.person FROM public.orders o JOIN public_plan.orders n USING (id) WHERE o.person IS DISTINCT FROM n.person
UNION ALL SELECT 'visits', o.person, n.person FROM public.visits o JOIN public_plan.visits n USING (id) WHERE o.person IS DISTINCT FROM n.person
UNION ALL SELECT 'lost', n.person, NULL FROM public_plan.orders n WHERE NOT EXISTS (SELECT FROM public_plan.people p WHERE p.id = n.person)
