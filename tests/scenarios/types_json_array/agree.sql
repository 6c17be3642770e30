SELECT * FROM public.docs o JOIN public_plan.docs n USING (id)
WHERE o.body::jsonb <> n.body OR string_to_array(o.tags, ',') <> n.tags OR o.sizes <> n.sizes::integer[];
