UPDATE t SET low = high, high = low WHERE low > high;
ALTER TABLE t ADD CONSTRAINT in_order CHECK (low <= high);
ALTER TABLE t ADD width integer;
UPDATE t SET width = high - low;
