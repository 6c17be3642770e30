ALTER TABLE t ADD w text;
UPDATE t SET w = 'w' || at;
CREATE INDEX by_w ON t (w, id);
