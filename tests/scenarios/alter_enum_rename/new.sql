INSERT INTO t (id) VALUES (:n);
UPDATE t SET feels = 'ok'::mood WHERE id = :n AND feels = 'Meh'::mood;
