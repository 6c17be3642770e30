SELECT * FROM public_plan.t WHERE a = 6 AND c <> 'b7' OR a = 5 AND c <> 'none';
