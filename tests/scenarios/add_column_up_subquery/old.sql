INSERT INTO users VALUES (:n, 3);
UPDATE users SET city_id = 4 WHERE id = :n;
