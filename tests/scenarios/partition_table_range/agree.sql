(SELECT 'only there', e.* FROM events e EXCEPT SELECT 'only there', e.* FROM _segue_new_events e)
UNION ALL (SELECT 'only here', e.* FROM _segue_new_events e EXCEPT SELECT 'only here', e.* FROM events e)
UNION ALL SELECT 'twice', id, null, null, null, null, null FROM _segue_new_events GROUP BY id HAVING count(*) > 1
