SELECT * FROM public_plan.t WHERE b <= 0;
