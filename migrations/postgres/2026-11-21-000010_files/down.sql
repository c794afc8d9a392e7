-- Why: back to calls without files, for whoever develops this migration.
DROP TABLE execution_files;
ALTER TABLE deployments DROP COLUMN max_file_bytes;
