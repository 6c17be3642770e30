ALTER TABLE accounts ALTER id TYPE bigint;
ALTER TABLE entries ALTER account TYPE bigint;
ALTER TABLE lines ALTER account TYPE bigint;
