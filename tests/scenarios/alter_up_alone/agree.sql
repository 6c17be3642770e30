SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE replace(t.phone, ' ', '') <> n.phone;
