INSERT INTO customers VALUES (:n, 'new');
INSERT INTO orders VALUES (:n, :n, 's1');
SELECT 1 / count(*) FROM open_orders WHERE id = :n AND status = 's1' AND name = 'new';
SELECT 1 / count(*) FROM names;
