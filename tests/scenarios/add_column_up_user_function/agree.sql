SELECT * FROM public_plan.t WHERE b NOT IN (half(a + 2), 1);
