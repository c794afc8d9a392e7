-- Why: back to runs without a trace, for whoever develops this migration.
ALTER TABLE executions DROP COLUMN trace_parent;
