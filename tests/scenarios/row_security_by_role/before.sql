CREATE TABLE t (id bigint PRIMARY KEY, owner name, v integer, w text);
INSERT INTO t SELECT n, CASE WHEN n % 2 = 0 THEN 'app_reader' ELSE 'other' END, n, 'w' FROM generate_series(1, 100) n;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t FOR SELECT TO app_reader USING (owner = current_user);
GRANT SELECT ON t TO app_reader;
