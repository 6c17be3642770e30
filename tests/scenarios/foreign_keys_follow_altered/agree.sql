SELECT id FROM public.child o FULL JOIN public_plan.child n USING (id) WHERE o.t <> n.t OR o.code IS DISTINCT FROM n.code
UNION ALL SELECT n.id FROM public_plan.child n WHERE NOT EXISTS (SELECT FROM public_plan.t WHERE t.id = n.t)
