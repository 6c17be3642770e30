INSERT INTO ev (part, sub, id, n) VALUES (1 + :n % 2, :n % 5, 5000000000 + :n, :n);
INSERT INTO ev VALUES (1 + :n % 2, :n % 5, 5000000000 + :n, 4, 0) ON CONFLICT (id, part, sub) DO UPDATE SET code = 5;
INSERT INTO ev VALUES (1 + :n % 2, :n % 5, 0, 4, :n) ON CONFLICT (part, n, sub) DO UPDATE SET code = 2;
UPDATE ev SET code = 3, n = -:n WHERE id = 5000000000 + :n;
