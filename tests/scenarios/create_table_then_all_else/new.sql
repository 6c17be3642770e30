SELECT count(*) FROM done;
