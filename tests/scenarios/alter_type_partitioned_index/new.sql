INSERT INTO ev VALUES (:n, '2026-01-01'::date + (:n % 200)::int, 13, 'new');
UPDATE ev SET kind = 14 WHERE id = :n;
