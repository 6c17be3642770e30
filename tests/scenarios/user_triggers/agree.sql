SELECT * FROM public_plan.t WHERE loud <> 'MINE' AND loud <> upper(name);
