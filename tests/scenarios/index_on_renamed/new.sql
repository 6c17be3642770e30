INSERT INTO things VALUES (:n, 1);
