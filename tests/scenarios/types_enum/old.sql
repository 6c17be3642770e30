INSERT INTO people (id) VALUES (:n);
UPDATE people SET feels = 'sad', was = 'ok' WHERE id = :n;
