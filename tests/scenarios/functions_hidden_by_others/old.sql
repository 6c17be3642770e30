SET search_path = other, pg_catalog, public;
INSERT INTO public.t VALUES (:n, 'Old');
