-- Why: back to workflows without schedules, for whoever develops this migration.
DROP TABLE execution_records;
DROP TABLE schedules;
ALTER TABLE workflows
    DROP CONSTRAINT workflows_workflow_type_check,
    ADD CHECK (workflow_type IN ('TASK'));
ALTER TABLE deployments
    DROP CONSTRAINT deployments_deployment_type_check,
    ADD CHECK (deployment_type IN ('TASK'));
