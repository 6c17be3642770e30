(SELECT 'only there', e.* FROM visits e EXCEPT SELECT 'only there', e.* FROM _segue_new_visits e)
UNION ALL (SELECT 'only here', e.* FROM _segue_new_visits e EXCEPT SELECT 'only here', e.* FROM visits e)
