ALTER TABLE people ALTER code TYPE uuid USING code::uuid, ALTER size TYPE integer USING trim(size)::integer;
ALTER TABLE people ALTER feels TYPE feeling USING lower(feels)::feeling, ALTER was TYPE feeling USING was::text::feeling;
