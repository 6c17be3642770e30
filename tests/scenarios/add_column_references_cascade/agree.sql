SELECT * FROM public_plan.t WHERE p IS NULL;
