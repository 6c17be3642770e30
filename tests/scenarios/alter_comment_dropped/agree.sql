SELECT 1 WHERE col_description('public.t'::regclass, 2) IS DISTINCT FROM 'old words';
