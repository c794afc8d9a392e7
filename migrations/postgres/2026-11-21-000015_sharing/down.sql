-- Why: back to what is its maker's alone, for whoever develops this migration.
DROP TABLE deployment_shares;
DROP TABLE workflow_shares;
ALTER TABLE deployments DROP COLUMN shared_with_everyone;
ALTER TABLE workflows DROP COLUMN shared_with_everyone;
ALTER TABLE organizations DROP COLUMN users_may_deploy;
DROP INDEX sessions_user_id;
ALTER TABLE sessions DROP COLUMN user_agent;
ALTER TABLE sessions DROP COLUMN address;
ALTER TABLE users DROP COLUMN password_changed_at;
