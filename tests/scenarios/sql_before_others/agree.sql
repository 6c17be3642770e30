SELECT * FROM public_plan.t WHERE word NOT LIKE 'new%' AND feel <> feel_of(word);
