ALTER TABLE goods ADD gross numeric(10,2);
UPDATE goods SET gross = net * 1.21;
ALTER TABLE goods ALTER gross SET NOT NULL, ADD CONSTRAINT gross_above_net CHECK (gross >= net);
