INSERT INTO t VALUES (:n, 'fine'::mood);
UPDATE t SET feels = 'sad' WHERE id = :n AND feels = 'fine'::mood;
