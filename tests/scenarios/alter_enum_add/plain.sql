ALTER TYPE mood ADD VALUE 'meh';
ALTER TYPE mood ADD VALUE 'it''s \ odd';
