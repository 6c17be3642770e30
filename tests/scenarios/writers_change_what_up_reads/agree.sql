SELECT id FROM public_plan.t WHERE id >= :from AND price = 4 AND qty = 5 AND total <> 2000;
