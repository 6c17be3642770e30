SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE coalesce(t.price, '1')::numeric <> n.price;
