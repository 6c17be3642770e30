SELECT * FROM public_plan.people WHERE address NOT LIKE '%@%' OR other IS NULL;
