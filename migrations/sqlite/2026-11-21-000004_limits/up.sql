-- Why: what bounds the calls of a deployment, whichever of its keys is used, and the unfinished runs of an organization.

-- Null for no limit, as those have that were there before.
ALTER TABLE deployments ADD COLUMN rate_limit_per_minute integer;
ALTER TABLE deployments ADD COLUMN ip_allowlist text NOT NULL DEFAULT '[]';
ALTER TABLE deployments ADD COLUMN max_body_bytes integer NOT NULL DEFAULT 10485760;
ALTER TABLE deployments ADD COLUMN input_schema text;

ALTER TABLE organizations ADD COLUMN max_concurrent integer;

-- Unfinished runs are counted for an organization and for a deployment of it: one index for both.
DROP INDEX executions_unfinished;
CREATE INDEX executions_unfinished ON executions (organization_id, deployment_id) WHERE finished_at IS NULL;
