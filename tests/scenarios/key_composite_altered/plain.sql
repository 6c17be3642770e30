ALTER TABLE lines ALTER line TYPE bigint, ALTER doc TYPE bigint;
