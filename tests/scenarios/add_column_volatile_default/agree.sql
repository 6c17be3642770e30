SELECT id FROM public_plan.users WHERE token IS NULL;
