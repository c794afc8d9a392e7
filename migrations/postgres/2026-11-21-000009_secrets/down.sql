-- Why: back to organizations without secrets, for whoever develops this migration.
DROP TABLE organization_secrets;
