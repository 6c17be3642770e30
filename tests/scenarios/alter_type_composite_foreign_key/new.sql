INSERT INTO items VALUES (:n, 4);
