SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE coalesce(t.a::bigint, 0) * 10 <> n.a;
