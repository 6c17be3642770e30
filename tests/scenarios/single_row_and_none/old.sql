INSERT INTO one VALUES (:n, 'older');
