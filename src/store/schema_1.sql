-- Version 1 of Segue's own schema. Run as one script inside the transaction of `store::init`, with
-- search_path set to pg_catalog: every name is qualified.

-- What stands here: which version, made by whom.
CREATE TABLE segue.meta (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version    integer NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by text NOT NULL DEFAULT current_user
);
INSERT INTO segue.meta (version) VALUES (1);

CREATE TABLE segue.rollouts (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema         text NOT NULL,
    plan           text NOT NULL,
    version_schema text NOT NULL,
    previous_version_schema text,
    plan_text      text NOT NULL,
    program        jsonb NOT NULL,
    policy         jsonb NOT NULL,
    catalog_before jsonb NOT NULL,
    goal           text NOT NULL CHECK (goal IN ('ready', 'completed')),
    state          text NOT NULL CHECK (state IN ('expanding', 'backfilling', 'ready', 'contracting',
                                                  'completed', 'rolling_back', 'rolled_back', 'failed')),
    term           bigint NOT NULL DEFAULT 0,
    started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at       timestamptz,
    error          text
) WITH (fillfactor = 70);
-- A failed rollout can still be rolled back, so it stands in the way of the next one.
CREATE UNIQUE INDEX rollouts_one_unfinished ON segue.rollouts (schema)
    WHERE state NOT IN ('completed', 'rolled_back');
CREATE INDEX rollouts_history ON segue.rollouts (schema, id);

-- The journal.
CREATE TABLE segue.records (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rollout bigint NOT NULL REFERENCES segue.rollouts (id),
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    term    bigint NOT NULL,
    kind    text NOT NULL,
    body    jsonb NOT NULL
);
CREATE INDEX records_rollout ON segue.records (rollout, seq);
CREATE FUNCTION segue.records_are_kept() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'segue.records is append only: % refused', TG_OP
        USING HINT = 'It is the only account of what was done to this database.';
END $body$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON segue.records
    FOR EACH STATEMENT EXECUTE FUNCTION segue.records_are_kept();

-- Checkpoints: how far each run of blocks of each leaf table is. Updated with every range: room for HOT.
CREATE TABLE segue.backfills (
    rollout     bigint NOT NULL REFERENCES segue.rollouts (id),
    step        integer NOT NULL,
    relation    text NOT NULL,
    run         integer NOT NULL DEFAULT 0,
    pass        integer NOT NULL,
    first_block bigint NOT NULL,
    next_block  bigint NOT NULL,
    end_block   bigint NOT NULL,
    rows_done   bigint NOT NULL,
    rows_total  double precision,
    done        boolean NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (rollout, step, relation, run)
) WITH (fillfactor = 50);

CREATE TABLE segue.lease (
    schema     text PRIMARY KEY,
    holder     text NOT NULL,
    term       bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    info       jsonb
) WITH (fillfactor = 50);

-- What operators ask for. INSERT INTO segue.commands (kind) VALUES ('pause') is a whole command.
CREATE TABLE segue.commands (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema     text NOT NULL DEFAULT 'public',
    rollout    bigint REFERENCES segue.rollouts (id),
    kind       text NOT NULL CHECK (kind IN ('pause', 'resume', 'rollback', 'complete')),
    reason     text,
    by         text NOT NULL DEFAULT current_user,
    args       jsonb NOT NULL DEFAULT '{}',
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_at timestamptz,
    outcome    text
);
CREATE INDEX commands_pending ON segue.commands (schema, id) WHERE applied_at IS NULL;

-- Who was seen on which version; an empty address is a local socket, or one the role may not see.
CREATE TABLE segue.clients (
    schema         text NOT NULL,
    version_schema text NOT NULL,
    application    text NOT NULL,
    role           text NOT NULL,
    address        text NOT NULL,
    first_seen     timestamptz NOT NULL,
    last_seen      timestamptz NOT NULL,
    PRIMARY KEY (schema, version_schema, application, role, address)
) WITH (fillfactor = 50);
-- Since when, without a gap, somebody has been looking: not seen means nothing where nobody looked.
CREATE TABLE segue.watched (
    schema         text NOT NULL,
    version_schema text NOT NULL,
    since          timestamptz NOT NULL,
    until          timestamptz NOT NULL,
    PRIMARY KEY (schema, version_schema)
) WITH (fillfactor = 50);

CREATE TABLE segue.rows_set_aside (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rollout  bigint NOT NULL REFERENCES segue.rollouts (id),
    step     integer NOT NULL,
    relation text NOT NULL,
    row_key  text NOT NULL,
    sqlstate text NOT NULL,
    message  text NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (rollout, step, relation, row_key)
);

REVOKE ALL ON SCHEMA segue FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA segue FROM PUBLIC;
REVOKE ALL ON FUNCTION segue.records_are_kept() FROM PUBLIC;
