-- Version 2: limits of the backfill can be asked for. INSERT INTO segue.commands (kind, args)
-- VALUES ('tune', '{"rate": 20000}') is a whole command.
ALTER TABLE segue.commands DROP CONSTRAINT commands_kind_check;
ALTER TABLE segue.commands ADD CONSTRAINT commands_kind_check
    CHECK (kind IN ('pause', 'resume', 'rollback', 'complete', 'tune'));
