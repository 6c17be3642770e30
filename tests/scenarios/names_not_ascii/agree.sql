SELECT * FROM public.größen o JOIN public_plan.größen n USING (id) WHERE o.数 || '✓' <> n.数;
