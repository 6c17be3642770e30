INSERT INTO events VALUES (7, NULL, 'old');
UPDATE events SET at = 8 WHERE who = 'old' AND at = 7 AND random() < 0.1;
DELETE FROM events WHERE who = 'old' AND random() < 0.3;
