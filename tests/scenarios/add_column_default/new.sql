INSERT INTO users (id, active) VALUES (:n, false);
INSERT INTO users (id, score) VALUES (-:n, NULL);
DELETE FROM users WHERE id = -:n;
