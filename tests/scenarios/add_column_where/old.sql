INSERT INTO orders VALUES (:n, 'open', 'old', 5);
UPDATE orders SET state = 'done' WHERE id = :n;
UPDATE orders SET note = 'seen' WHERE id = 1 + :n % 600;
UPDATE orders SET note = NULL WHERE id = 1 + :n % 600;
