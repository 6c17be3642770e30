SELECT * FROM public.users WHERE name = 'new' AND loud <> 'NEW' OR name = 'old' AND loud NOT LIKE 'MY%';
