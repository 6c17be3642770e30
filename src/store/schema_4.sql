-- Version 4: shedding. INSERT INTO segue.commands (kind, reason) VALUES ('shed', 'checkout is slow') is a whole command; so is
-- ('restore').
ALTER TABLE segue.commands DROP CONSTRAINT commands_kind_check;
ALTER TABLE segue.commands ADD CONSTRAINT commands_kind_check
    CHECK (kind IN ('pause', 'resume', 'rollback', 'complete', 'tune', 'accept_blind', 'hold_contract', 'release_contract',
                    'ignore_standby', 'drill', 'shed', 'restore'));
