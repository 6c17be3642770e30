ALTER TYPE mood ADD VALUE 'low' BEFORE 'sad';
ALTER TYPE mood ADD VALUE 'meh' AFTER 'sad';
ALTER TYPE mood ADD VALUE 'hm' BEFORE 'meh';
ALTER TYPE mood ADD VALUE 'high';
