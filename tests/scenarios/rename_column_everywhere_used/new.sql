INSERT INTO t (id, p_key) VALUES (:n, 1);
SELECT * FROM t JOIN p ON p.id = t.p_key WHERE t.id = :n;
