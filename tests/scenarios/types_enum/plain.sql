ALTER TABLE people ALTER feels DROP DEFAULT, ALTER was DROP DEFAULT;
ALTER TABLE people ALTER feels TYPE mood USING feels::mood, ALTER was TYPE text;
ALTER TABLE people ALTER feels SET DEFAULT 'ok', ALTER was SET DEFAULT 'sad'::mood, ADD will mood[] NOT NULL DEFAULT '{ok}';
