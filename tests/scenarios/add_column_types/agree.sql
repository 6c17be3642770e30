SELECT id FROM public_plan.t WHERE a = 'old' AND (c <> 'old' OR x::text <> '<a>old</a>');
