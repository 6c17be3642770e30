ALTER TABLE größen RENAME "naïve" TO schläft;
ALTER TABLE größen ALTER 数 TYPE text USING 数 || '✓', ADD ñandúñandúñandúñandúñandúñandúñandúñandúñand text;
UPDATE größen SET ñandúñandúñandúñandúñandúñandúñandúñandúñand = schläft || '!';
