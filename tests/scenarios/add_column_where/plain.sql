ALTER TABLE orders ADD due numeric NOT NULL DEFAULT 0, ADD label text;
UPDATE orders SET due = paid * 2 WHERE state = 'open';
UPDATE orders SET label = state || ' ' || due WHERE id % 3 = 0;
