INSERT INTO old_orders VALUES (:n, 'new');
DELETE FROM old_orders WHERE id = :n;
