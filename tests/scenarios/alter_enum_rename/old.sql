INSERT INTO t (id) VALUES (:n);
UPDATE t SET feels = 'sad'::mood WHERE id = :n AND feels = 'So So'::mood;
