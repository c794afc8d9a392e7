-- Why: back to calls that nobody counts, for whoever develops this migration.
DROP TABLE usage_writers;
DROP TABLE usage;
