SELECT * FROM public.t FULL JOIN public_plan.t n USING (id) WHERE t.team IS DISTINCT FROM CASE WHEN n.team < 10 THEN n.team END;
