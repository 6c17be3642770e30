SELECT n.id FROM public_first.t o JOIN public_plan.t n USING (id) WHERE 'v' || o.a <> n.a;
