SELECT o.id FROM public.t o JOIN public_plan.t n USING (id) WHERE encode(o.f, 'hex') <> n.f;
