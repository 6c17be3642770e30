ALTER TABLE users DROP loud;
