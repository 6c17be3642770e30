SELECT * FROM public_plan.t WHERE (a, b) NOT IN (SELECT x, y FROM public_plan.p);
