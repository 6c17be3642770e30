ALTER TYPE mood ADD VALUE 'low' BEFORE 'sad';
ALTER TYPE mood ADD VALUE 'meh' AFTER 'sad';
