SELECT u.* FROM public_plan.users u JOIN public.cities c ON c.id = city_id WHERE city <> name AND city <> 'my own';
