CREATE INDEX by_v ON t (v DESC, kind) INCLUDE (id);
CREATE UNIQUE INDEX once ON t (id, kind);
CREATE INDEX low ON t (lower(kind), (v + 1)) WHERE v > 5;
