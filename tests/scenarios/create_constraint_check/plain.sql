UPDATE t SET low = LEAST(low, high), high = GREATEST(low, high);
ALTER TABLE t ADD CONSTRAINT in_order CHECK (low <= high);
