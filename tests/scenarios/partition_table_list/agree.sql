(SELECT 'only there', e.* FROM "Order" e EXCEPT SELECT 'only there', e.* FROM "_segue_new_Order" e)
UNION ALL (SELECT 'only here', e.* FROM "_segue_new_Order" e EXCEPT SELECT 'only here', e.* FROM "Order" e)
