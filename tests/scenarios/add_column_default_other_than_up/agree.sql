SELECT source FROM public_plan.t GROUP BY source HAVING source NOT IN ('direct', 'unknown');
