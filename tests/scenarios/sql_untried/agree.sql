SELECT * FROM public_plan.t WHERE id >= :from AND mood IS NULL;
