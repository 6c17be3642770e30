SELECT 1 FROM pg_attribute WHERE attrelid = 'public.t'::regclass AND attname LIKE '\_segue%';
