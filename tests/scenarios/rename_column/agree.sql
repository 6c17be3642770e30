SELECT * FROM public.users JOIN public_plan.users p USING (id) WHERE name <> login;
