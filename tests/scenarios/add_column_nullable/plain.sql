ALTER TABLE users ADD nick varchar(40);
COMMENT ON COLUMN users.nick IS 'what friends say';
