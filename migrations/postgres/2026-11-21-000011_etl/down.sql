-- Why: back to workflows without schedules, for whoever develops this migration.
DROP TABLE execution_records;
DROP TABLE schedules;
