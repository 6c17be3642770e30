INSERT INTO public.t VALUES (:n, 4);
UPDATE public.t SET a = 5 WHERE id = :n;
