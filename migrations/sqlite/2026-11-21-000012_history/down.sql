-- Why: executions are listed by nobody but their own callers, as before.
DROP INDEX executions_without_payload;
DROP INDEX executions_with_payload;
CREATE INDEX executions_with_payload ON executions (finished_at) WHERE has_payload;
DROP INDEX executions_not_called;
DROP INDEX executions_failed;
DROP INDEX executions_by_key;
DROP INDEX executions_by_deployment;
DROP INDEX executions_of_workflow;
DROP INDEX executions_of_organization;
ALTER TABLE executions DROP COLUMN workflow_id;
ALTER TABLE organizations DROP COLUMN record_days;
ALTER TABLE organizations DROP COLUMN result_hours;
