SELECT * FROM public_plan.t WHERE p NOT IN (SELECT id FROM public_plan.p);
