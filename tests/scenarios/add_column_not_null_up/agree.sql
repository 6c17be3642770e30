SELECT * FROM public_plan.users WHERE full_name NOT LIKE 'mine%' AND full_name <> coalesce(first_name, '?') || ' ' || coalesce(last_name, '?')
OR id >= :from AND first_name = 'new' AND full_name NOT LIKE 'mine%';
