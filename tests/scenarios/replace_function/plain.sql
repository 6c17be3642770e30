ALTER TABLE t RENAME "Note" TO remark;
CREATE OR REPLACE FUNCTION net(amount integer, rate numeric DEFAULT 0.5) RETURNS numeric LANGUAGE plpgsql STABLE AS $$BEGIN
  RETURN amount * rate - 1; -- a \ backslash
END
$$;
CREATE FUNCTION notes() RETURNS SETOF text LANGUAGE sql AS 'SELECT remark FROM t WHERE net(amount::int) < 1000000';
CREATE PROCEDURE touch(of integer) LANGUAGE sql AS 'UPDATE t SET remark = ''touched'' WHERE id = of';
DROP FUNCTION unused(integer);
