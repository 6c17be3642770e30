ALTER TABLE notes ALTER line TYPE integer;
ALTER TABLE lines ADD place text;
UPDATE lines SET place = doc || '/' || line;
ALTER TABLE lines ALTER body SET NOT NULL, ALTER place SET NOT NULL;
