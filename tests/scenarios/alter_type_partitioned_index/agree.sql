SELECT id FROM public.ev o JOIN public_plan.ev n USING (id) WHERE o.kind + 10 <> n.kind
