INSERT INTO v (id, c) VALUES (:n, 'new');
