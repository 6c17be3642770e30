INSERT INTO t VALUES (:n, 'old', int4range(:n, :n + 1), :n);
UPDATE t SET room = 'hall', n = -:n WHERE id = :n;
