ALTER TABLE users ADD active boolean NOT NULL DEFAULT true, ADD score integer DEFAULT 7;
