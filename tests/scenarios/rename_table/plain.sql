COMMENT ON TABLE users IS 'people';
ALTER TABLE users RENAME TO accounts;
