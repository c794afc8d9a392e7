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
    next_run_at bigint,
    last_run_at bigint,
    last_execution_id text,
    last_skipped_at bigint,
    modified_at bigint NOT NULL
);
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE next_run_at IS NOT NULL;

-- Written every second while a run goes on; beside its row, which is large.
CREATE TABLE execution_records (
    execution_id text NOT NULL PRIMARY KEY REFERENCES executions (id) ON DELETE CASCADE,
    records_read bigint NOT NULL,
    records_written bigint NOT NULL,
    records_failed bigint NOT NULL,
    -- What another attempt goes on with, as JSON.
    checkpoint text
);

ALTER TABLE workflows
    DROP CONSTRAINT workflows_workflow_type_check,
    ADD CHECK (workflow_type IN ('TASK', 'ETL'));
ALTER TABLE deployments
    DROP CONSTRAINT deployments_deployment_type_check,
    ADD CHECK (deployment_type IN ('TASK', 'ETL'));
