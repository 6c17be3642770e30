INSERT INTO t (id) VALUES (:n);
UPDATE t SET feels = 'fine'::mood WHERE id = :n AND feels = ANY ('{sad}'::mood[]);
UPDATE t SET note = 'seen' WHERE id = :n - 1;
