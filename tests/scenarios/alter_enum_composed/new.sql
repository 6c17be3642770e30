INSERT INTO people (id, mood, was, size, happy) VALUES (:n, 'fine'::mood, 'ok', 'small', true);
UPDATE people SET mood = 'sad' WHERE id = :n AND mood = 'fine'::mood;
