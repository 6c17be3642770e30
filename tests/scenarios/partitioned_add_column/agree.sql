SELECT * FROM public_plan.m WHERE w NOT IN (coalesce(v, 0) * 2, 70, 80);
