UPDATE t SET a = a + 2 WHERE id = 2000001 + mod(:n, 3);
