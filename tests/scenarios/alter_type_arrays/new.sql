INSERT INTO t VALUES (:n, '{new, newer}', '{1}');
UPDATE t SET tags = '{one}' WHERE id = :n;
