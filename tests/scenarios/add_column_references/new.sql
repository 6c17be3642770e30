INSERT INTO teams VALUES (:n);
INSERT INTO users VALUES (:n, :n);
DELETE FROM teams WHERE id = :n;
