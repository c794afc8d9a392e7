-- Why: a run goes on after its last finished step when its worker is lost, may be started by others than keys of a deployment,
-- and may take its steps several times, once for each file or record.

ALTER TABLE executions
    ADD COLUMN trigger text NOT NULL DEFAULT 'CALL' CHECK (trigger IN ('CALL', 'TEST', 'SCHEDULE')),
    -- The user or key that tries a workflow out.
    ADD COLUMN started_by text,
    ADD COLUMN per_file boolean NOT NULL DEFAULT false,
    ALTER COLUMN deployment_id DROP NOT NULL,
    ALTER COLUMN key_id DROP NOT NULL;
ALTER TABLE executions
    ADD CHECK ((trigger = 'CALL') = (deployment_id IS NOT NULL)),
    ADD CHECK ((trigger = 'CALL') = (key_id IS NOT NULL));

-- An organization's runs wait in a line of their own.
DROP INDEX executions_waiting;
CREATE INDEX executions_waiting ON executions (organization_id, created_at, id)
    WHERE lease_expires_at IS NULL AND finished_at IS NULL;

ALTER TABLE execution_steps
    ADD COLUMN item integer NOT NULL DEFAULT 0,
    ADD COLUMN state text NOT NULL DEFAULT 'SUCCEEDED' CHECK (state IN ('BEGUN', 'SUCCEEDED', 'SKIPPED', 'FAILED')),
    ADD COLUMN prompt_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN completion_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN cost_micros bigint NOT NULL DEFAULT 0,
    -- Lines as JSON.
    ADD COLUMN log text NOT NULL DEFAULT '[]',
    ALTER COLUMN finished_at DROP NOT NULL;
UPDATE execution_steps SET state = 'FAILED' WHERE error IS NOT NULL;
ALTER TABLE execution_steps
    DROP CONSTRAINT execution_steps_pkey,
    ADD PRIMARY KEY (execution_id, item, position),
    ADD CHECK ((state = 'BEGUN') = (finished_at IS NULL)),
    ADD CHECK ((state = 'FAILED') = (error IS NOT NULL));
