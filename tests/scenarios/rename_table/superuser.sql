GRANT app_owner TO :role;
