DROP VIEW sums, gone;
ALTER TABLE t ALTER amount TYPE numeric USING amount / 100.0;
ALTER TABLE t RENAME note TO remark;
ALTER TABLE t ADD kind text;
UPDATE t SET kind = 'k';
ALTER TABLE t ALTER kind SET NOT NULL;
CREATE VIEW sums (remark, total, kinds) AS SELECT remark, sum(amount), count(kind) FROM t GROUP BY remark;
CREATE VIEW fresh WITH (security_barrier) AS SELECT total * 2 AS twice FROM sums;
COMMENT ON VIEW fresh IS 'new';
