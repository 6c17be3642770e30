INSERT INTO t VALUES (:n, 'meh'::mood), (-:n, 'low');
UPDATE t SET feels = 'low'::mood WHERE id = :n AND feels > 'low'::mood;
DELETE FROM t WHERE id = -:n;
