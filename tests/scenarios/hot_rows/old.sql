UPDATE t SET a = a + 1 WHERE id = 2000001 + mod(:n, 3);
