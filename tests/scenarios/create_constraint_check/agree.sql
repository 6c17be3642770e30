SELECT * FROM public.t FULL JOIN public_plan.t n USING (id) WHERE LEAST(t.low, t.high) IS DISTINCT FROM n.low OR GREATEST(t.low, t.high) IS DISTINCT FROM n.high;
