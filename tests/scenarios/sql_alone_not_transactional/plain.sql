CREATE INDEX by_a ON t (a);
