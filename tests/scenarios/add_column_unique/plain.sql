ALTER TABLE users ADD email text UNIQUE;
UPDATE users SET email = id || '@example.org';
