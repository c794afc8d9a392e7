-- Why: back to steps that are saved with the end of their run, for whoever develops this. What only the new shape holds is gone.
DELETE FROM execution_steps WHERE item > 0 OR finished_at IS NULL
    OR execution_id IN (SELECT id FROM executions WHERE trigger <> 'CALL');
DELETE FROM executions WHERE trigger <> 'CALL';
ALTER TABLE execution_steps
    DROP CONSTRAINT execution_steps_pkey,
    DROP COLUMN item,
    DROP COLUMN state,
    DROP COLUMN prompt_tokens,
    DROP COLUMN completion_tokens,
    DROP COLUMN cost_micros,
    DROP COLUMN log,
    ALTER COLUMN finished_at SET NOT NULL,
    ADD PRIMARY KEY (execution_id, position);
DROP INDEX executions_waiting;
CREATE INDEX executions_waiting ON executions (created_at, id) WHERE lease_expires_at IS NULL AND finished_at IS NULL;
ALTER TABLE executions
    DROP COLUMN trigger,
    DROP COLUMN started_by,
    DROP COLUMN per_file,
    ALTER COLUMN deployment_id SET NOT NULL,
    ALTER COLUMN key_id SET NOT NULL;
