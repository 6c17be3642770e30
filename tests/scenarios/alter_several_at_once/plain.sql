ALTER TABLE t ALTER price DROP DEFAULT;
ALTER TABLE t ALTER price TYPE numeric(12,2) USING coalesce(price, '1')::numeric;
ALTER TABLE t ALTER price SET NOT NULL, ALTER price SET DEFAULT 9.99, ADD CONSTRAINT not_negative CHECK (price >= 0);
COMMENT ON COLUMN t.price IS 'a number at last';
