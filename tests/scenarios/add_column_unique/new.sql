INSERT INTO users VALUES (:n, ':n@new.example.org');
INSERT INTO users VALUES (-:n, ':n@new.example.org') ON CONFLICT (email) DO UPDATE SET email = NULL;
