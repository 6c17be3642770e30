ALTER TABLE t ALTER at TYPE timestamptz USING at AT TIME ZONE 'UTC', ALTER day TYPE date USING to_date(day, 'YYYY-MM-DD');
