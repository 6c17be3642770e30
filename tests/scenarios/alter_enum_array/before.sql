CREATE TYPE "Mood" AS ENUM ('sad', 'ok', 'gone');
CREATE TABLE t (id bigint PRIMARY KEY, felt "Mood"[] NOT NULL DEFAULT '{ok,gone}', last "Mood");
INSERT INTO t SELECT n, ARRAY['sad', NULL, 'gone']::"Mood"[], 'ok' FROM generate_series(1, 100) n;
INSERT INTO t VALUES (101, '[0:1]={gone,ok}'), (102, '{{sad,ok},{gone,gone}}'), (103, '{}');
CREATE INDEX by_felt ON t USING gin (felt) WHERE felt <> '{sad,sad}'::"Mood"[];
