INSERT INTO t VALUES (:n, 'Old@Example.ORG');
UPDATE t SET mail = 'Older@EXAMPLE.com' WHERE id = :n;
