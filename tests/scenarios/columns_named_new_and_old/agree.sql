SELECT id FROM public_plan.t WHERE new NOT IN (3, 7, 11) AND id >= :from;
