-- Why: back to deployments without limits, for whoever develops this migration.
DROP INDEX executions_unfinished;
CREATE INDEX executions_unfinished ON executions (deployment_id) WHERE finished_at IS NULL;
ALTER TABLE organizations DROP COLUMN max_concurrent;
ALTER TABLE deployments DROP COLUMN rate_limit_per_minute;
ALTER TABLE deployments DROP COLUMN ip_allowlist;
ALTER TABLE deployments DROP COLUMN max_body_bytes;
ALTER TABLE deployments DROP COLUMN input_schema;
