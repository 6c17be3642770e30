SELECT * FROM public_plan.t WHERE d NOT IN (b || c, 'd');
