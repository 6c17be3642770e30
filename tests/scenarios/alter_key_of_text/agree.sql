SELECT id FROM public.t o JOIN public_plan.t n USING (id) WHERE upper(o.code) <> n.key;
