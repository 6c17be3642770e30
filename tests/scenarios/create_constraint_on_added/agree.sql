SELECT * FROM public_plan.t WHERE p NOT IN (a % 5, 1);
