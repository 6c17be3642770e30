CREATE TABLE events (at integer, what text, who text);
INSERT INTO events SELECT n % 50, 'w', 'me' FROM generate_series(1, 2000) n;
