CREATE INDEX mail_lower ON t (lower(mail) DESC NULLS LAST, id);
CREATE UNIQUE INDEX odd ON t (("Odd Name" + id)) WHERE id < 100;
CREATE INDEX cut ON t ((CASE WHEN id > 5 THEN mail END) COLLATE "C" text_pattern_ops);
