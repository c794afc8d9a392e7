-- Why: back to an empty database, for whoever develops this migration. Two tables refer to a later one; that goes first.
ALTER TABLE organizations DROP CONSTRAINT organizations_id_active_platform_slot_fkey;
ALTER TABLE workflows DROP CONSTRAINT workflows_version_id_fkey;
DROP TABLE execution_steps;
DROP TABLE executions;
DROP TABLE key_secrets;
DROP TABLE keys;
DROP TABLE deployments;
DROP TABLE workflow_versions;
DROP TABLE workflows;
DROP TABLE sessions;
DROP TABLE memberships;
DROP TABLE users;
DROP TABLE organizations;
