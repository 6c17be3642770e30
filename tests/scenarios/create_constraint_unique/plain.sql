UPDATE t SET number = number || '-' || id;
ALTER TABLE t ADD CONSTRAINT one_number_a_shop UNIQUE (shop, number);
