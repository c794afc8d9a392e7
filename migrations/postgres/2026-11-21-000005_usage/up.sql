-- Why: how much was called, by whom and what became of it, as sums over minutes, hours and days that many servers add to.

-- A row to each sum, since what is counted grows: a new error code or a new bucket of a histogram is no change of the schema.
-- Nothing is referred to: '' stands for "none", and a count must find its row whatever was deleted meanwhile.
CREATE TABLE usage (
    organization_id text NOT NULL,
    -- Of one key; '' of all together.
    key_id text NOT NULL,
    -- 0 a minute, 1 an hour, 2 a day.
    resolution smallint NOT NULL CHECK (resolution IN (0, 1, 2)),
    -- In seconds since 1970.
    start bigint NOT NULL,
    -- '' of what belongs to no deployment.
    deployment_id text NOT NULL,
    -- 'succeeded', 'rejected.<code>', 'execution_ms.<bucket>' and so on.
    measure text NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (organization_id, key_id, resolution, start, deployment_id, measure)
);
-- What is older than it is kept.
CREATE INDEX usage_start ON usage (resolution, start);

-- The last batch that each process has added: one whose commit was not heard of is given again, and must not count twice.
CREATE TABLE usage_writers (
    id text PRIMARY KEY NOT NULL,
    batch bigint NOT NULL,
    -- In seconds since 1970.
    added_at bigint NOT NULL
);
