INSERT INTO lines VALUES (:n, 1, NULL);
UPDATE lines SET line = 2 WHERE doc = :n;
