INSERT INTO ev VALUES (:n, 1 + :n % 2, :n || 'old');
UPDATE ev SET code = code || '!' WHERE id = :n;
