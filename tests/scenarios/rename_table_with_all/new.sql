INSERT INTO t_items VALUES (:n, 2);
SELECT count(*) FROM things;
