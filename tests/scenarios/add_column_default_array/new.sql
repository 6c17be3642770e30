INSERT INTO t (id, tags) VALUES (:n, ARRAY['new']);
UPDATE t SET data = data || '{"b": 2}' WHERE id = :n;
