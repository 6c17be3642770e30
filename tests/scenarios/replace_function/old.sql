INSERT INTO t VALUES (:n, 10, 'old');
SELECT 1 / (net(10) = 5)::int;
SELECT 1 / (unused(1) + unused('a', 'b'));
