INSERT INTO nodes VALUES (:n, NULL, 3);
INSERT INTO edges VALUES (:n, :n);
