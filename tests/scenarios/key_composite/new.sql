INSERT INTO lines VALUES (:n, 1, 'n', ':n/1');
INSERT INTO notes VALUES (:n, :n, 1);
UPDATE lines SET line = 2, place = '2' WHERE doc = :n + 1000000000;
DELETE FROM lines WHERE doc = :n;
