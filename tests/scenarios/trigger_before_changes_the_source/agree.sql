SELECT * FROM public_plan.t WHERE mail LIKE 'old%' AND domain <> split_part(mail, '@', 2);
