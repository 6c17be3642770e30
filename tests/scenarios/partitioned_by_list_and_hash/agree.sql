SELECT o.id FROM public.t o JOIN public_plan.t n USING (id, kind) WHERE 'v' || o.v <> n.v;
