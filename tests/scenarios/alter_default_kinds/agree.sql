SELECT * FROM public_plan.t WHERE id >= :from AND a > 1 AND (b IS NOT NULL OR c IS NULL);
