SELECT id FROM public.t o JOIN public_plan.t n USING (id) WHERE o.f IS DISTINCT FROM n.f::float8 OR o.n IS DISTINCT FROM n.n::numeric;
