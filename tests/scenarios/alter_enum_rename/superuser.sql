GRANT app_reader TO app_owner; GRANT CREATE ON SCHEMA public TO app_reader;
