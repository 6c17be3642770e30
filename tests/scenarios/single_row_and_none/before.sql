CREATE TABLE one (id bigint PRIMARY KEY, a text);
CREATE TABLE none (id bigint PRIMARY KEY, a text);
INSERT INTO one VALUES (1, 'only');
