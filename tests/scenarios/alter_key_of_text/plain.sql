ALTER TABLE t ALTER code TYPE text USING upper(code);
ALTER TABLE t RENAME code TO key;
