WITH i AS (INSERT INTO invoices (net) VALUES (100) RETURNING id) INSERT INTO invoices (id, net) VALUES (:n + 1000000000, 7);
INSERT INTO lines (invoice) VALUES (:n + 1000000000);
