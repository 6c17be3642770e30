ALTER TABLE t RENAME TO things;
ALTER TABLE c RENAME TO t_items;
ALTER TABLE t_items RENAME t TO thing;
ALTER TABLE things ADD note text;
UPDATE things SET note = upper(name);
