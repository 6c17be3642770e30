ALTER TABLE ev ALTER id TYPE bigint, ALTER n TYPE bigint, ALTER code SET NOT NULL;
COMMENT ON INDEX ev_1_n_code_sub_part_key IS 'late one';
COMMENT ON CONSTRAINT ev_2_a_pkey ON ev_2_a IS 'its part';
