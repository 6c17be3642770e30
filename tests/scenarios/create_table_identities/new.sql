INSERT INTO numbered (other) VALUES (5);
