SELECT * FROM public_first.users WHERE name = 'new' AND (fax IS NOT NULL OR kind <> 'a');
