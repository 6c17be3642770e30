UPDATE t SET feels = 'sad' WHERE feels = 'gone' OR feels IS NULL;
ALTER TYPE mood RENAME TO old;
CREATE TYPE mood AS ENUM ('sad', 'fine');
ALTER TABLE t RENAME TO people;
ALTER TABLE people RENAME feels TO mood;
ALTER TABLE people ALTER mood TYPE mood USING replace(mood::text, 'ok', 'fine')::mood, ALTER mood SET NOT NULL,
    ALTER was TYPE text USING was::text, DROP would, ADD happy boolean;
UPDATE people SET happy = mood = 'fine';
ALTER TABLE people ALTER happy SET NOT NULL;
CREATE INDEX people_mood ON people (mood);
DROP TYPE old;
ALTER TYPE size ADD VALUE 'medium' BEFORE 'large';
