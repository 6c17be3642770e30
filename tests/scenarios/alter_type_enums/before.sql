CREATE TYPE old_state AS ENUM ('new', 'done');
CREATE TYPE new_state AS ENUM ('open', 'closed');
CREATE TABLE t (id bigint PRIMARY KEY, state old_state, word text, again new_state);
INSERT INTO t SELECT n, 'done', 'open', 'closed' FROM generate_series(1, 200) n;
