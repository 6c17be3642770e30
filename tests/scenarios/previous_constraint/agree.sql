SELECT * FROM public_first.t WHERE a < 1;
