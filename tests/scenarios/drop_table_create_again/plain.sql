DROP TABLE settings;
CREATE TABLE settings (id bigint PRIMARY KEY, body jsonb NOT NULL);
