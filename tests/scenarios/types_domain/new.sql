INSERT INTO people VALUES (:n, 'n@b', 1, 'o@b');
