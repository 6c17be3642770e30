SET search_path = other, public;
INSERT INTO public.t VALUES (:n, 'Old');
