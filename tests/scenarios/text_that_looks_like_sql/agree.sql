SELECT * FROM public_plan.t WHERE a = 'old' AND b <> $r$old'$segue$"'\$r$;
