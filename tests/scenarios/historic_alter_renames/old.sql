INSERT INTO events (id, label, note) VALUES (:n, NULL, '5');
UPDATE events SET label = 'from old', note = '6' WHERE id = :n;
