INSERT INTO größen (id, schläft, 数) VALUES (:n, 'ä', '5✓');
UPDATE größen SET 数 = '7✓' WHERE id = :n;
