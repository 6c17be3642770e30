INSERT INTO one VALUES (:n, 'new');
