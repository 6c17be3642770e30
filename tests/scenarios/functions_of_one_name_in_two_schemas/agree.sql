SELECT * FROM public_plan.t WHERE a = 'Old' AND b <> 'ours Old';
