ALTER TYPE mood RENAME TO old;
CREATE TYPE mood AS ENUM ('sad', 'fine');
ALTER TABLE t ALTER feels DROP DEFAULT;
ALTER TABLE t ALTER feels TYPE mood USING CASE feels WHEN 'sad' THEN 'sad' WHEN 'gone' THEN 'sad' ELSE 'fine' END::mood;
ALTER TABLE t ALTER feels SET DEFAULT 'sad';
DROP TYPE old;
