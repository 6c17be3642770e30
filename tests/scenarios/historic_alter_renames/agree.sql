SELECT * FROM public.events o JOIN public_plan.events n USING (id)
WHERE coalesce(o.label, 'none') <> n.title OR o.note::integer <> n.number OR (o.a, o.b) IS DISTINCT FROM (n.a, n.b);
