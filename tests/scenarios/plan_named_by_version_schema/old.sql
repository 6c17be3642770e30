INSERT INTO plan VALUES (:n, 'old', 1);
