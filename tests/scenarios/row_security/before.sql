CREATE TABLE t (id bigint PRIMARY KEY, owner text NOT NULL, body text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t FOR ALL TO app_reader USING (owner = current_user) WITH CHECK (owner = current_user AND body <> 'no');
CREATE POLICY all_for_writer ON t TO app_writer USING (true);
GRANT SELECT, INSERT, UPDATE ON t TO app_reader, app_writer;
INSERT INTO t SELECT n, CASE WHEN n % 2 = 0 THEN 'app_reader' ELSE 'else' END, 'b' FROM generate_series(1, 300) n;
