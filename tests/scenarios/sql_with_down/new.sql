INSERT INTO users (id, name, email) VALUES (:n, 'new', 'e');
