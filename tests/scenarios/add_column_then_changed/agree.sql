SELECT * FROM public_plan.t WHERE a = 6 AND c <> 'b7' OR id >= :from AND a = 5 AND c <> 'none';
