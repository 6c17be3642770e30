SELECT * FROM public_plan.users WHERE id > 0 AND (name IS NOT NULL AND NOT active OR score IS DISTINCT FROM 7);
