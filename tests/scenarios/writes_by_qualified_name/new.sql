SET search_path = '';
INSERT INTO public_plan.t VALUES (:n, 'v6');
UPDATE public_plan.t SET a = 'v7' WHERE id = :n;
