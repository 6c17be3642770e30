INSERT INTO bookings VALUES (:n, int8range(:n * 2, :n * 2 + 1));
