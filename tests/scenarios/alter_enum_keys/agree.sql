SELECT id FROM public.things o JOIN public_plan.things n USING (id) WHERE replace(n.kind::text, 'beta', 'b') <> o.kind::text
UNION ALL SELECT thing FROM public.parts o JOIN public_plan.parts n USING (thing) WHERE replace(n.kind::text, 'beta', 'b') <> o.kind::text;
