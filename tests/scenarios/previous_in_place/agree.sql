SELECT * FROM public_first.t WHERE b IS NULL;
