INSERT INTO goods (id, net, name) VALUES (:n, 5, 'o');
UPDATE goods SET net = 6 WHERE id = :n;
