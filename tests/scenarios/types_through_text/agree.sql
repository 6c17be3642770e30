SELECT * FROM public.people o JOIN public_plan.people n USING (id)
WHERE o.code::uuid <> n.code OR trim(o.size)::integer <> n.size OR lower(o.feels) <> n.feels::text OR o.was::text <> n.was::text;
