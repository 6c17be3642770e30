SELECT * FROM public_plan.goods WHERE gross <> net * 2;
