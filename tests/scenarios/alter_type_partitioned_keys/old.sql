INSERT INTO ev VALUES (1 + :n % 2, :n % 5, :n, 4, :n);
INSERT INTO ev VALUES (1 + :n % 2, :n % 5, :n, 4, 0) ON CONFLICT (id, part, sub) DO UPDATE SET code = 5;
UPDATE ev SET code = 3, n = -:n WHERE id = :n;
