INSERT INTO things VALUES (:n, 1, 'old');
