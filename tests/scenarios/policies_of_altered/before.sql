CREATE TABLE t (id bigint PRIMARY KEY, owner text, level integer);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own ones" ON t FOR ALL TO app_reader USING (owner = current_user) WITH CHECK (owner = current_user AND level > 0);
CREATE POLICY strict ON t AS RESTRICTIVE FOR SELECT USING (level > 0);
CREATE POLICY all_for_writer ON t TO app_writer USING (true);
COMMENT ON POLICY "own ones" ON t IS 'it''s kept';
GRANT SELECT, INSERT, UPDATE ON t TO app_reader, app_writer;
INSERT INTO t SELECT n, CASE WHEN n % 2 = 0 THEN 'app_reader' ELSE 'else' END, n FROM generate_series(1, 300) n;
