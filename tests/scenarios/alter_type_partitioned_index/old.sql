INSERT INTO ev VALUES (:n, '2026-01-01'::date + (:n % 200)::int, 3, 'old');
UPDATE ev SET kind = 4 WHERE id = :n;
