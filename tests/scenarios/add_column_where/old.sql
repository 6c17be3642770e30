INSERT INTO orders VALUES (:n, 'open', 'old', 5);
UPDATE orders SET state = 'done' WHERE id = :n;
UPDATE orders SET note = note WHERE id = 1 + :n % 600;
