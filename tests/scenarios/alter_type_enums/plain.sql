ALTER TABLE t ALTER state TYPE new_state USING CASE state WHEN 'new' THEN 'open' ELSE 'closed' END::new_state;
ALTER TABLE t ALTER word TYPE new_state USING word::new_state, ALTER again TYPE text;
