INSERT INTO orders (id, state, note, paid, due) VALUES (:n, 'open', 'new', 5, 7);
UPDATE orders SET state = 'done' WHERE id = :n;
UPDATE orders SET note = note WHERE id = 1 + :n % 600;
