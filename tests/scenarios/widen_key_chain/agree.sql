SELECT 'parties', o.id, n.id FROM public_first.parties o FULL JOIN public_plan.parties n USING (id) WHERE o.name IS NULL OR n.name IS NULL
UNION ALL SELECT 'pets', o.owner, n.owner FROM public_first.pets o JOIN public_plan.pets n USING (id) WHERE o.owner IS DISTINCT FROM n.owner OR o.second IS DISTINCT FROM n.second
