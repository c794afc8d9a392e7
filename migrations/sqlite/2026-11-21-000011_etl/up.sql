-- Why: workflows are started by schedules, and runs that go over records tell how far they are and go on from there.

-- A workflow has one at most. The run that it last started is not referred to: records of runs are deleted in time.
CREATE TABLE schedules (
    workflow_id text NOT NULL PRIMARY KEY REFERENCES workflows (id),
    organization_id text NOT NULL REFERENCES organizations (id),
    cron text NOT NULL,
    is_active boolean NOT NULL,
    timeout_seconds integer NOT NULL,
    input text NOT NULL,
    parameters text NOT NULL,
    -- Null while it starts nothing.
    next_run_at integer,
    last_run_at integer,
    last_execution_id text,
    last_skipped_at integer,
    modified_at integer NOT NULL
);
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE next_run_at IS NOT NULL;

-- Written every second while a run goes on; beside its row, which is large.
CREATE TABLE execution_records (
    execution_id text NOT NULL PRIMARY KEY REFERENCES executions (id) ON DELETE CASCADE,
    records_read integer NOT NULL,
    records_written integer NOT NULL,
    records_failed integer NOT NULL,
    -- What another attempt goes on with, as JSON.
    checkpoint text
);

-- A check cannot be altered, and the tables are referred to by nearly all others. SQLite's own page on ALTER TABLE has this
-- way for changes that leave the rows as they are.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'workflow_type IN (''TASK'')', 'workflow_type IN (''TASK'', ''ETL'')')
    WHERE type = 'table' AND name = 'workflows';
UPDATE sqlite_schema SET sql = replace(sql, 'deployment_type IN (''TASK'')', 'deployment_type IN (''TASK'', ''ETL'')')
    WHERE type = 'table' AND name = 'deployments';
PRAGMA writable_schema = RESET;
