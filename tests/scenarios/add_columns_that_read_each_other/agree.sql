SELECT * FROM public_plan.t WHERE a = 20 AND (d, c, e) <> (21, 42, 21);
