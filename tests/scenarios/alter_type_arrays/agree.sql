SELECT * FROM public.t JOIN public_plan.t n USING (id) WHERE t.tag IS DISTINCT FROM n.tags[1] OR t.list::bigint[] <> n.list;
