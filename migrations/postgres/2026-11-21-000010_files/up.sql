-- Why: calls may bring files. What they are stands with the run; their content lies in a store of files, and stays there for as
-- long as the run's input is kept.

ALTER TABLE deployments ADD COLUMN max_file_bytes integer NOT NULL DEFAULT 104857600;

CREATE TABLE execution_files (
    id text PRIMARY KEY NOT NULL,
    execution_id text NOT NULL REFERENCES executions (id),
    organization_id text NOT NULL,
    -- Among the files of the run, from 0.
    position integer NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    -- In hexadecimal digits.
    sha256 text NOT NULL,
    -- Whether the content is to be there.
    is_kept boolean NOT NULL,
    UNIQUE (execution_id, position)
);
