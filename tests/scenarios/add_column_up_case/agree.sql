SELECT * FROM public_plan.t WHERE points = 15 AND level <> 'middle';
