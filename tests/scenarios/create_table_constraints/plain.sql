CREATE TABLE rentals (
    id integer NOT NULL, street text, number integer, tenant text NOT NULL, begins integer NOT NULL, ends integer NOT NULL,
    CONSTRAINT rentals_pk PRIMARY KEY (id),
    CONSTRAINT tenant_once UNIQUE (tenant, begins) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT covering UNIQUE (id, tenant) INCLUDE (begins) WITH (fillfactor = 70),
    CONSTRAINT in_order CHECK (begins < ends) NO INHERIT,
    CONSTRAINT of_house FOREIGN KEY (street, number) REFERENCES houses (street, number) MATCH FULL ON DELETE SET NULL ON UPDATE CASCADE,
    CONSTRAINT no_overlap EXCLUDE USING gist (int4range(begins, ends) WITH &&) WHERE (number > 0));
