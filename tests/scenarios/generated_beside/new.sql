INSERT INTO goods (id, net, name) VALUES (:n, 5, 'n');
UPDATE goods SET net = 6 WHERE id = :n;
