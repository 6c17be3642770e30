CREATE TABLE anything (a integer);
