INSERT INTO items VALUES (:n, 3);
