SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.low > t.high OR (t.low, t.high) <> (n.low, n.high) OR t.low <> 1 AND n.width <> n.high - n.low;
