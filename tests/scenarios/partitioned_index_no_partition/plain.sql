CREATE INDEX by_at ON t (at);
