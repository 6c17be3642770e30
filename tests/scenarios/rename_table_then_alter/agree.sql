SELECT u.id, u.age, p.age, p.adult FROM public.users u JOIN public_plan.people p USING (id)
WHERE u.age IS DISTINCT FROM p.age::text OR p.adult IS DISTINCT FROM (p.age >= 18);
