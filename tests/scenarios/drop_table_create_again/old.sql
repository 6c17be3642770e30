INSERT INTO settings (id, value) VALUES (:n, 'b');
