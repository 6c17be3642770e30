INSERT INTO events VALUES (7, 'n', 'new');
UPDATE events SET what = 'm' WHERE who = 'new' AND random() < 0.1;
DELETE FROM events WHERE who = 'new' AND random() < 0.3;
