INSERT INTO plan VALUES (:n, 'new', 5);
