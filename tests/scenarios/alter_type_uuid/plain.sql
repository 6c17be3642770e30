ALTER TABLE t ALTER u TYPE uuid USING u::uuid, ALTER u SET DEFAULT gen_random_uuid();
