INSERT INTO pairs VALUES (:n, 1);
