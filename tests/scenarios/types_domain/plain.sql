ALTER TABLE people ALTER address TYPE email USING CASE WHEN address LIKE '%@%' THEN address ELSE address || '@' END, ADD other email;
UPDATE people SET other = address;
