INSERT INTO people VALUES (:n, md5(:n::text)::uuid, 7, 'ok', 'sad');
UPDATE people SET size = 8, feels = 'sad', was = 'ok' WHERE id = :n;
