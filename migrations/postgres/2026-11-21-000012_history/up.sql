-- Why: executions are listed by those who manage them, however many there are, and each organization says for itself how long
-- inputs, results and records are kept.

ALTER TABLE organizations ADD COLUMN result_hours integer;
ALTER TABLE organizations ADD COLUMN record_days integer;

-- The workflow of the run's version: a list of one workflow's runs must not look its versions up.
ALTER TABLE executions ADD COLUMN workflow_id text;
UPDATE executions SET workflow_id = (SELECT workflow_id FROM workflow_versions WHERE workflow_versions.id = version_id);

-- Pages of lists, newest first. Ids grow with time.
CREATE INDEX executions_of_organization ON executions (organization_id, id);
CREATE INDEX executions_of_workflow ON executions (organization_id, workflow_id, id);
CREATE INDEX executions_by_deployment ON executions (organization_id, deployment_id, id) WHERE deployment_id IS NOT NULL;
CREATE INDEX executions_by_key ON executions (organization_id, key_id, id) WHERE key_id IS NOT NULL;
-- What is rare among many is found without meeting the others.
CREATE INDEX executions_failed ON executions (organization_id, status, id) WHERE status IN ('ERROR', 'STOPPED');
CREATE INDEX executions_not_called ON executions (organization_id, trigger, id) WHERE trigger <> 'CALL';

-- What is kept long enough is asked of each organization by itself.
DROP INDEX executions_with_payload;
CREATE INDEX executions_with_payload ON executions (organization_id, finished_at) WHERE has_payload;
CREATE INDEX executions_without_payload ON executions (organization_id, finished_at) WHERE NOT has_payload;
