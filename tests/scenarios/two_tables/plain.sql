UPDATE a SET code = coalesce(code, '-');
ALTER TABLE a ALTER code SET NOT NULL;
ALTER TABLE b ADD CONSTRAINT b_a FOREIGN KEY (a_id) REFERENCES a (id);
CREATE TABLE d (id bigint PRIMARY KEY, c_id bigint CONSTRAINT d_c REFERENCES c (id));
