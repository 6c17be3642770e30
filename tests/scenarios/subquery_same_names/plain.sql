ALTER TABLE t ADD land text, ADD region text;
UPDATE t SET land = t.country, region = (SELECT o.region FROM offices o WHERE o.country = t.country),
  town = coalesce(t.town, (SELECT o.town FROM offices o WHERE o.country = t.country));
ALTER TABLE t ALTER town SET NOT NULL;
