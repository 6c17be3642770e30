SELECT * FROM public.t WHERE name IS NULL OR first = 'old' AND name <> 'old''s name';
