ALTER TABLE t ALTER kind TYPE varchar(9), ALTER kind SET DEFAULT 'c', DROP gone;
