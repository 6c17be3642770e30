SELECT * FROM public_plan.t WHERE id >= :from AND p IS NULL AND has_p;
