INSERT INTO users VALUES (:n, 'old');
INSERT INTO posts VALUES (:n, :n);
DELETE FROM posts WHERE id = :n;
