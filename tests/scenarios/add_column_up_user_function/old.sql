INSERT INTO public.t VALUES (:n, 5);
