INSERT INTO t (id) VALUES (:n);
UPDATE t SET felt = ARRAY['gone', 'ok']::"Mood"[], last = 'sad'::"Mood" WHERE id = :n;
