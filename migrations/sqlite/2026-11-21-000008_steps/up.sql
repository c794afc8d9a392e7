-- Why: a run goes on after its last finished step when its worker is lost, may be started by others than keys of a deployment,
-- and may take its steps several times, once for each file or record.

-- SQLite takes no NOT NULL off: both tables are made anew. References to them are checked when all of it is back.
PRAGMA defer_foreign_keys = ON;
CREATE TEMP TABLE old_executions AS SELECT * FROM executions;
CREATE TEMP TABLE old_steps AS SELECT * FROM execution_steps;
DROP TABLE execution_steps;
DROP TABLE executions;

CREATE TABLE executions (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL,
    version_id text NOT NULL REFERENCES workflow_versions (id),
    trigger text NOT NULL DEFAULT 'CALL' CHECK (trigger IN ('CALL', 'TEST', 'SCHEDULE')),
    deployment_id text,
    key_id text REFERENCES keys (id),
    -- The user or key that tries a workflow out.
    started_by text,
    status text NOT NULL CHECK (status IN ('PENDING', 'EXECUTING', 'COMPLETED', 'ERROR', 'STOPPED')),
    attempt integer NOT NULL,
    -- How many of the attempts ended with a lease that ran out.
    lost integer NOT NULL,
    lease_expires_at bigint,
    timeout_seconds integer NOT NULL,
    per_file boolean NOT NULL DEFAULT false,
    steps_total integer NOT NULL,
    steps_completed integer NOT NULL,
    input text,
    parameters text,
    result text,
    failure_code text,
    failure_step text,
    failure_reason text,
    created_at bigint NOT NULL,
    started_at bigint,
    finished_at bigint,
    has_payload boolean NOT NULL,
    trace_parent text,
    FOREIGN KEY (organization_id, deployment_id) REFERENCES deployments (organization_id, id),
    CHECK ((trigger = 'CALL') = (deployment_id IS NOT NULL)),
    CHECK ((trigger = 'CALL') = (key_id IS NOT NULL)),
    -- Held by these two, the conditions of the indexes below mean: waits, is held, is unfinished.
    CHECK ((status = 'EXECUTING') = (lease_expires_at IS NOT NULL)),
    CHECK ((status IN ('COMPLETED', 'ERROR', 'STOPPED')) = (finished_at IS NOT NULL)),
    CHECK (has_payload = (input IS NOT NULL))
);
INSERT INTO executions (id, organization_id, version_id, deployment_id, key_id, status, attempt, lost, lease_expires_at,
        timeout_seconds, steps_total, steps_completed, input, parameters, result, failure_code, failure_step,
        failure_reason, created_at, started_at, finished_at, has_payload, trace_parent)
    SELECT id, organization_id, version_id, deployment_id, key_id, status, attempt, lost, lease_expires_at,
        timeout_seconds, steps_total, steps_completed, input, parameters, result, failure_code, failure_step,
        failure_reason, created_at, started_at, finished_at, has_payload, trace_parent
    FROM old_executions;
-- An organization's runs wait in a line of their own.
CREATE INDEX executions_waiting ON executions (organization_id, created_at, id)
    WHERE lease_expires_at IS NULL AND finished_at IS NULL;
CREATE INDEX executions_leased ON executions (lease_expires_at) WHERE lease_expires_at IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (organization_id, deployment_id) WHERE finished_at IS NULL;
-- Emptied runs leave this index, so that the next sweep does not meet them again.
CREATE INDEX executions_with_payload ON executions (finished_at) WHERE has_payload;

CREATE TABLE execution_steps (
    execution_id text NOT NULL REFERENCES executions (id),
    item integer NOT NULL DEFAULT 0,
    position integer NOT NULL,
    step_id text NOT NULL,
    state text NOT NULL DEFAULT 'SUCCEEDED' CHECK (state IN ('BEGUN', 'SUCCEEDED', 'SKIPPED', 'FAILED')),
    started_at bigint NOT NULL,
    finished_at bigint,
    output text,
    error text,
    prompt_tokens bigint NOT NULL DEFAULT 0,
    completion_tokens bigint NOT NULL DEFAULT 0,
    cost_micros bigint NOT NULL DEFAULT 0,
    -- Lines as JSON.
    log text NOT NULL DEFAULT '[]',
    PRIMARY KEY (execution_id, item, position),
    CHECK ((state = 'BEGUN') = (finished_at IS NULL)),
    CHECK ((state = 'FAILED') = (error IS NOT NULL))
);
INSERT INTO execution_steps (execution_id, position, step_id, state, started_at, finished_at, output, error)
    SELECT execution_id, position, step_id, CASE WHEN error IS NULL THEN 'SUCCEEDED' ELSE 'FAILED' END, started_at,
        finished_at, output, error
    FROM old_steps;
DROP TABLE old_steps;
DROP TABLE old_executions;
