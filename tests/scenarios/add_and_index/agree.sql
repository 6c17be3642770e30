SELECT * FROM public_plan.t WHERE b <> upper(small) AND b <> 'B';
