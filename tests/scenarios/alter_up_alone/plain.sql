UPDATE t SET phone = replace(phone, ' ', '');
COMMENT ON COLUMN t.phone IS 'without blanks';
