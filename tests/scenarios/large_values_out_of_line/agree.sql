SELECT id FROM public_plan.t WHERE doc LIKE 'old%' AND head <> left(doc, 40);
