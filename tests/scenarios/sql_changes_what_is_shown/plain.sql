CREATE TABLE more (id bigint PRIMARY KEY);
ALTER TABLE t ADD extra text;
COMMENT ON TABLE more IS 'late';
