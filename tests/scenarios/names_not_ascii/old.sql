INSERT INTO größen VALUES (:n, 'ä', 5);
UPDATE größen SET 数 = 6 WHERE id = :n;
