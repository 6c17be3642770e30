CREATE TABLE cities (
    id bigint PRIMARY KEY,
    name text UNIQUE NOT NULL,
    inhabitants integer CONSTRAINT inhabitants_positive CHECK (inhabitants > 0),
    country text NOT NULL DEFAULT 'nl' CONSTRAINT cities_country REFERENCES countries (code) ON DELETE CASCADE,
    number serial);
COMMENT ON TABLE cities IS 'where people live';
COMMENT ON COLUMN cities.name IS 'as locals write it';
