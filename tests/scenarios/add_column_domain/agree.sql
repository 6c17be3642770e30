SELECT id FROM public_plan.t WHERE a = 'old' AND (w <> 'OLD' OR (p).y <> 'old');
