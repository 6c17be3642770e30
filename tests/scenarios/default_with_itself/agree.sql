SELECT 1 FROM pg_attribute WHERE attrelid = 'public.t'::regclass AND attnum > 2;
