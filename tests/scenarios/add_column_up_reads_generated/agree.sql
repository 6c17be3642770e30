SELECT * FROM public_plan.t WHERE a = 7 AND four <> 28;
