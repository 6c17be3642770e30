ALTER TABLE t ALTER new TYPE bigint USING new + old, ALTER tg_op TYPE varchar(9) USING left(tg_op || found::text || "select", 9);
ALTER TABLE t RENAME old TO "order";
