ALTER TYPE mood RENAME VALUE 'ok' TO 'good';
CREATE VIEW happy AS SELECT id, feels FROM t WHERE feels = 'good'::mood;
