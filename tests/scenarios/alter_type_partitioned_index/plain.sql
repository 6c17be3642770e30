DROP INDEX ev_low;
ALTER TABLE ev ALTER kind TYPE integer USING kind + 10;
CREATE INDEX ev_low ON ev (lower(body || kind)) WHERE kind > 2;
COMMENT ON INDEX ev_2_a_kind_day_idx IS 'of a leaf';
