ALTER TABLE users ADD city text;
UPDATE users SET city = (SELECT name FROM cities WHERE cities.id = city_id);
