INSERT INTO settings (id, body) VALUES (:n, '{}');
