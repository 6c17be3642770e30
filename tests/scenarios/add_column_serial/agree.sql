SELECT number FROM public_plan.users GROUP BY number HAVING number IS NULL OR count(*) > 1;
