ALTER TABLE t ALTER name TYPE text USING name || '!';
ALTER TABLE t RENAME name TO label;
CREATE INDEX label_lower ON t (lower(label)) INCLUDE (label) WHERE label <> '';
