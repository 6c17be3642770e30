INSERT INTO events (id, title, number) VALUES (:n, 'from new', 7);
UPDATE events SET title = 'again', number = 8 WHERE id = :n;
