CREATE TABLE bookings (id bigint NOT NULL, during int8range NOT NULL, gone boolean NOT NULL DEFAULT false,
  CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&) WITH (fillfactor = 80) WHERE (NOT gone) DEFERRABLE,
  CONSTRAINT bookings_once UNIQUE (id) INCLUDE (gone) WITH (fillfactor = 70),
  CONSTRAINT short CHECK (upper(during) - lower(during) < 100) NO INHERIT);
