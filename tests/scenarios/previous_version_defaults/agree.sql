SELECT o.*, n.* FROM public_first.t o JOIN public_plan.t n USING (id) WHERE o.kind <> n.kind
OR id BETWEEN 1000000 AND 1000000000 AND (o.kind <> 'b' OR gone NOT IN ('g', 'mine')) OR id > 1000000000 AND (o.kind <> 'c' OR gone <> 'from c');
