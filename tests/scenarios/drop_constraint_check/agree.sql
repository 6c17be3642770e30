SELECT * FROM public.t FULL JOIN public_plan.t n USING (id) WHERE t.age IS DISTINCT FROM CASE WHEN n.age > 0 THEN n.age ELSE 1 END;
