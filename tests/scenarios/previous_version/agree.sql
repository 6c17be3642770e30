SELECT * FROM public_first.users o JOIN public_plan.users n USING (id) WHERE coalesce(o.age, -1)::text <> n.age
UNION ALL SELECT * FROM public_first.users o JOIN public_plan.users n USING (id) WHERE o.first <> n.first_name;
