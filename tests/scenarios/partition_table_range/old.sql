INSERT INTO events (account, at, kind) VALUES (1 + :n % 50, '2025-06-01'::timestamptz + :n % 900 * interval '1 day', 'old');
INSERT INTO events (id, account, at, body) OVERRIDING SYSTEM VALUE VALUES (:n + 500000000, 3, '2025-12-31 23:59:59Z', '{}');
UPDATE events SET at = at + :n % 700 * interval '1 day', body = '{"a": 1}' WHERE id = :n + 500000000;
UPDATE events SET kind = 'noted' WHERE id >= 1000000 AND id = (SELECT max(id) FROM events WHERE id < 400000000);
INSERT INTO events (id, account, at) OVERRIDING SYSTEM VALUE VALUES (:n + 400000000, 3, '2031-01-01') ON CONFLICT (id) DO UPDATE SET kind = 'again';
DELETE FROM events WHERE id = :n + 500000000 AND :n % 3 = 0;
