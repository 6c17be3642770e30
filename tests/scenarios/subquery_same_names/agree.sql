SELECT n.*, o.* FROM public_plan.t n JOIN offices o USING (country)
 WHERE n.land <> 'l' AND (n.land <> n.country OR n.region IS DISTINCT FROM o.region OR n.town IS DISTINCT FROM o.town AND n.id < 1000000);
