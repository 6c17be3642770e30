INSERT INTO users VALUES (:n, 3, 'my own');
