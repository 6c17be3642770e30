SELECT id FROM public_plan.cities WHERE country <> 'nl' OR number IS NULL;
