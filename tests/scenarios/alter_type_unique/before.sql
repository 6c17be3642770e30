CREATE TABLE t (id bigint PRIMARY KEY, code text NOT NULL, part text, CONSTRAINT t_code UNIQUE (code), CONSTRAINT code_part UNIQUE (part, code) DEFERRABLE);
INSERT INTO t SELECT n, n, 'p' FROM generate_series(1, 300) n;
