CREATE TABLE settings (id bigint PRIMARY KEY, value text);
INSERT INTO settings VALUES (1, 'a');
