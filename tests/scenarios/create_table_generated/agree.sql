SELECT id FROM public_plan.invoices WHERE gross <> round(net * 1.19, 2);
