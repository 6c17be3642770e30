ALTER TABLE t ADD level varchar(6);
UPDATE t SET level = CASE WHEN points < 10 THEN 'low' WHEN points < 20 THEN 'middle' ELSE 'high' END;
