ALTER TABLE users ADD number bigserial;
