-- Version 2: more can be asked for. INSERT INTO segue.commands (kind, args) VALUES ('tune', '{"rate": 20000}')
-- is a whole command.
ALTER TABLE segue.commands DROP CONSTRAINT commands_kind_check;
ALTER TABLE segue.commands ADD CONSTRAINT commands_kind_check
    CHECK (kind IN ('pause', 'resume', 'rollback', 'complete', 'tune', 'accept_blind', 'hold_contract', 'release_contract',
                    'ignore_standby'));
