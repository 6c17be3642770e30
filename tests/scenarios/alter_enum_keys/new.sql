INSERT INTO things VALUES (:n, 'beta'::kind);
INSERT INTO parts VALUES (:n, 'beta', '{beta,d}');
UPDATE things SET kind = 'a' WHERE id = :n;
