-- Why: back to workflows without schedules, for whoever develops this migration.
DROP TABLE execution_records;
DROP TABLE schedules;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'workflow_type IN (''TASK'', ''ETL'')', 'workflow_type IN (''TASK'')')
    WHERE type = 'table' AND name = 'workflows';
UPDATE sqlite_schema SET sql = replace(sql, 'deployment_type IN (''TASK'', ''ETL'')', 'deployment_type IN (''TASK'')')
    WHERE type = 'table' AND name = 'deployments';
PRAGMA writable_schema = RESET;
