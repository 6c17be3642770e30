CREATE TABLE countries (code text PRIMARY KEY);
INSERT INTO countries VALUES ('nl'), ('pt');
