SELECT * FROM public_plan.t WHERE a IS NULL OR a NOT IN ('', 'x') AND id >= 1000000;
