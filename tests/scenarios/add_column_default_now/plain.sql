ALTER TABLE t ADD at timestamptz NOT NULL DEFAULT now();
