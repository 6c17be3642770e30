INSERT INTO t VALUES (:n, 'open', 1);
UPDATE t SET n = 2 WHERE id = :n;
UPDATE t SET state = 'closed' WHERE id = :n;
SELECT 1 / (count(*) = 1)::int FROM log WHERE id = :n AND said = 'closed';
