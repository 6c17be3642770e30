SELECT * FROM public_plan.t WHERE s IS NULL OR b IS NULL;
