INSERT INTO t VALUES (:n, 7, 'new');
UPDATE t SET note = 'touched by new' WHERE id = (SELECT max(id) FROM t WHERE note = 'old, noted');
