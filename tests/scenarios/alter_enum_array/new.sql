INSERT INTO t (id) VALUES (:n);
UPDATE t SET felt = felt || 'new'::"Mood", last = 'new' WHERE id = :n AND felt = '{sad,ok}'::"Mood"[];
