SELECT * FROM public_plan.t WHERE number IS NULL UNION ALL SELECT min(id), NULL, number FROM public_plan.t GROUP BY number HAVING count(*) > 1;
