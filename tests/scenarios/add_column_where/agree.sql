SELECT * FROM public_plan.orders
 WHERE note IS DISTINCT FROM 'new'
   AND (due IS DISTINCT FROM CASE WHEN state = 'open' THEN paid * 2 ELSE 0 END
        OR label IS DISTINCT FROM CASE WHEN id % 3 = 0 THEN state || ' ' || due END);
