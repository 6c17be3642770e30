-- Version 3: drills. INSERT INTO segue.commands (kind, args) VALUES ('drill', '{"drill": "lag", "for": "1m"}') is a whole
-- command; so is ('resume', '{"override": "replication_lag", "for": "10m"}').
ALTER TABLE segue.commands DROP CONSTRAINT commands_kind_check;
ALTER TABLE segue.commands ADD CONSTRAINT commands_kind_check
    CHECK (kind IN ('pause', 'resume', 'rollback', 'complete', 'tune', 'accept_blind', 'hold_contract', 'release_contract',
                    'ignore_standby', 'drill'));
