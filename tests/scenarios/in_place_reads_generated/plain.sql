UPDATE t SET a = a - 10 WHERE twice >= 30;
ALTER TABLE t ADD CONSTRAINT small CHECK (twice < 30);
