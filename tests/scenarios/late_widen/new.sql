INSERT INTO t (id, country, price) VALUES (:n, 'new', 7);
UPDATE t SET name = 'newer' WHERE id = :n;
