SELECT * FROM public_plan.t WHERE at IS NULL;
