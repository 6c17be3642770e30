SELECT * FROM public_plan.users WHERE name IS NOT NULL AND NOT active OR score IS DISTINCT FROM 7;
