ALTER TABLE people ALTER id TYPE bigint, ALTER boss TYPE bigint;
ALTER TABLE orders ALTER person TYPE bigint;
ALTER TABLE visits ALTER person TYPE bigint;
ALTER SEQUENCE people_id_seq AS bigint;
