SELECT * FROM public.people o JOIN public_plan.people n USING (id) WHERE o.feels <> n.feels::text OR o.was::text <> n.was;
