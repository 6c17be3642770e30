INSERT INTO t VALUES (:n, 'a new one that is longer than the old one was ' || :n, 5, 'k');
INSERT INTO u VALUES (:n, :n, 100003);
SELECT 1 / count(*) FROM "Seen" WHERE id = :n AND n = 100003 AND "what it is" LIKE 'a new one that is longer%';
SELECT 1 / count(*) FROM above WHERE loud LIKE '%' || :n;
SELECT 1 / count(*) FROM plain WHERE id = :n AND kind = 'k';
