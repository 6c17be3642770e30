INSERT INTO users VALUES (:n, 'old');
