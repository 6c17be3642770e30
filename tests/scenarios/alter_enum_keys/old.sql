INSERT INTO things VALUES (:n, 'b'::kind);
INSERT INTO parts VALUES (:n, 'b', '{b,c}');
UPDATE things SET kind = 'c' WHERE id = :n;
