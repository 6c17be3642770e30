INSERT INTO t VALUES (:n, md5(:n || 'old')::uuid);
