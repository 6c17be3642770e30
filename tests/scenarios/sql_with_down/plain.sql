CREATE FUNCTION greet(users) RETURNS text LANGUAGE sql STABLE AS 'SELECT ''hello '' || $1.name';
ALTER TABLE users ADD email text;
