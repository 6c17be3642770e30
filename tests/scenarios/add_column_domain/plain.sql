ALTER TABLE t ADD w word, ADD p pair;
UPDATE t SET w = upper(a), p = ROW(id::integer, a)::pair;
