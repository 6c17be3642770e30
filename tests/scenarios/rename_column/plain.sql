ALTER TABLE users RENAME name TO login;
