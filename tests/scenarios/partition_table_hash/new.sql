INSERT INTO visits VALUES (md5(:n || 'new')::uuid, :n + 1000000, 'w');
UPDATE visits SET page = 'x', id = md5(:n || 'moved2')::uuid WHERE n = :n + 1000000 AND :n % 2 = 0;
BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO visits VALUES (md5(:n || 'serial2')::uuid, :n + 3000000, 'w'); UPDATE visits SET page = 'y' WHERE n = :n + 3000000; COMMIT;
DELETE FROM visits WHERE n = :n + 1000000 AND :n % 3 = 0;
