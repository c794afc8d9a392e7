-- Why: back to calls without files, for whoever develops this migration.
DROP INDEX executions_of_deployment;
DROP TABLE execution_files;
ALTER TABLE deployments DROP COLUMN max_file_bytes;
