INSERT INTO t (id, a) VALUES (:n, 'new');
UPDATE t SET a = 'given', origin = 'mine', kind = 'm', amount = 5, note = 'n' WHERE id = :n AND :n % 2 = 0;
