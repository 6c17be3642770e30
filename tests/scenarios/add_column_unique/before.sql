CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE other (email text CONSTRAINT users_email_key UNIQUE);
INSERT INTO users SELECT generate_series(1, 200);
