DROP INDEX one, two, three;
CREATE INDEX four ON t (a, b);
