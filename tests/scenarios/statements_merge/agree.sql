SELECT * FROM public_plan.t WHERE b NOT IN (a * 2, 9);
