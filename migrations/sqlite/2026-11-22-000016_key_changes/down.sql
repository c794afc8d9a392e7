-- Why: back to changes that nobody counts, for whoever develops this migration.
DROP TABLE key_changes;
ALTER TABLE organizations DROP COLUMN key_changes;
