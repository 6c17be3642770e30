SELECT 'accounts' FROM public.accounts o FULL JOIN public_plan.accounts n USING (tenant, id) WHERE o.name IS NULL OR n.name IS NULL
UNION ALL SELECT 'lines' FROM public.lines o JOIN public_plan.lines n USING (id) WHERE o.account IS DISTINCT FROM n.account
