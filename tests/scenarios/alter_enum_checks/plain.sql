UPDATE t SET feels = 'sad' WHERE feels = 'gone';
ALTER TYPE mood RENAME TO old;
CREATE TYPE mood AS ENUM ('sad', 'so so', 'fine');
ALTER TABLE t ALTER feels DROP DEFAULT, DROP CONSTRAINT not_so, DROP CONSTRAINT among;
DROP INDEX t_ok, t_expression;
ALTER TABLE t ALTER feels TYPE mood USING CASE feels WHEN 'ok' THEN 'fine' ELSE feels::text END::mood;
ALTER TABLE t ALTER feels SET DEFAULT 'fine', ADD CONSTRAINT not_so CHECK (feels <> 'so so' OR note IS NULL),
    ADD CONSTRAINT among CHECK (feels = ANY ('{sad,fine}'::mood[]) OR id <> 7);
COMMENT ON CONSTRAINT among ON t IS 'two of them';
CREATE INDEX t_ok ON t (id) WHERE feels = 'fine';
CREATE INDEX t_expression ON t ((CASE feels WHEN 'fine' THEN 1 ELSE 0 END));
DROP TYPE old;
