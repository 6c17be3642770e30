INSERT INTO t VALUES (:n, 7, 'old');
SELECT 1 / count(*) FROM sums WHERE note = 'old' AND total >= 7;
SELECT 1 / count(*) FROM gone;
