ALTER TABLE staff ADD CONSTRAINT not_self CHECK (boss <> id);
COMMENT ON COLUMN staff.boss IS 'who to ask';
