GRANT app_writer TO app_owner; GRANT CREATE ON SCHEMA public TO app_writer;
