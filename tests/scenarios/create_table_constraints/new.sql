INSERT INTO rentals VALUES (:n, NULL, NULL, 'me', :n, :n + 1);
DELETE FROM rentals WHERE id = :n;
