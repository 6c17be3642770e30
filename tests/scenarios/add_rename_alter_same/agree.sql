SELECT * FROM public_plan.t WHERE c::integer <> a + 1;
