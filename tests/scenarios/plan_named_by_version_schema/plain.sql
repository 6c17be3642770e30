ALTER TABLE plan ALTER segue TYPE bigint USING segue + 1;
ALTER TABLE plan RENAME public TO public_plan;
