ALTER TABLE t ADD CONSTRAINT t_mail UNIQUE (mail, team) INCLUDE (id) WITH (fillfactor = 80);
ALTER TABLE t ADD CONSTRAINT mail_once UNIQUE (mail);
