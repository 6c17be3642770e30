DROP VIEW all_t;
CREATE VIEW all_t AS SELECT v, count(*) AS n FROM t GROUP BY v;
CREATE FUNCTION shout(x text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper(x) || ''!''';
