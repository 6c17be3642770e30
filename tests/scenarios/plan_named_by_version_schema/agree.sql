SELECT o.id FROM public.plan o JOIN public_plan.plan n USING (id) WHERE o.segue + 1 <> n.segue;
