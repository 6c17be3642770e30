CREATE TABLE bare ("only" int);
