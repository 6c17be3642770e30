INSERT INTO ev VALUES (:n, 1 + :n % 2, :n || 'new');
INSERT INTO ev VALUES (:n, 1 + :n % 2, 'again') ON CONFLICT (part, id) DO UPDATE SET code = excluded.code || :n;
INSERT INTO ev VALUES (:n, 1 + :n % 2, 'again' || :n) ON CONFLICT (code, part, id) DO NOTHING;
