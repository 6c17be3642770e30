INSERT INTO people VALUES (:n, md5(:n::text), ' 7', 'Ok', 'sad');
UPDATE people SET size = ' 8 ', feels = 'SAD', was = NULL WHERE id = :n;
