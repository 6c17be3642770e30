COMMENT ON COLUMN users.name IS 'n';
ALTER TABLE users DROP fax, DROP kind;
