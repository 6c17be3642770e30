ALTER TABLE m ADD w bigint, ADD flag boolean NOT NULL DEFAULT false;
UPDATE m SET w = coalesce(v, 0) * 2;
ALTER TABLE m ALTER w SET NOT NULL;
