SELECT o.*, n.* FROM public.users o JOIN public_plan.users n USING (id) WHERE o.first_name || ' ' || o.last_name <> n.name OR o.age <> n.age::text;
