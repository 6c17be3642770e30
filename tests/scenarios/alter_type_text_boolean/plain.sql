ALTER TABLE t ALTER active DROP DEFAULT, ALTER active TYPE boolean USING active = 'yes', ALTER active SET DEFAULT false;
