DROP INDEX users_name, "Users upper";
