SELECT * FROM public.t WHERE b = 'n' AND a <> 'N';
