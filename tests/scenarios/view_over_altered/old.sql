INSERT INTO t VALUES (:n, 'old' || :n, 5, 'k');
INSERT INTO u VALUES (:n, :n, 3);
SELECT 1 / count(*) FROM "Seen" WHERE id = :n AND n = 3 AND "what it is" = 'old' || :n;
SELECT 1 / count(*) FROM above WHERE loud = 'OLD' || :n;
SELECT 1 / count(*) FROM plain WHERE id = :n AND kind = 'k';
