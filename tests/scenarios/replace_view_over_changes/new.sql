INSERT INTO t (id, amount, remark, kind) VALUES (:n, 1.5, 'new', 'x');
SELECT 1 / count(*) FROM sums WHERE remark = 'new' AND total >= 1.5 AND kinds > 0;
SELECT 1 / count(*) FROM fresh;
