-- Why: back to an empty database, for whoever develops this migration. SQLite empties a table before it drops it, and
-- checks the references that this breaks: those to a later table go first.
UPDATE organizations SET active_platform_slot = NULL;
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
