INSERT INTO users (id, name) VALUES (:n, 'old');
