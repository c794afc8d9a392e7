-- Why: the ground that everything stands on: who there is, the keys, and workflows that are deployed and run.
--
-- Times are microseconds since 1970 in UTC. Ids are UUIDv7 in text. JSON is text, since nothing asks for its inside.
-- A tenant's rows name their parent by (organization_id, id): no row can point into another organization.

CREATE TABLE organizations (
    id text PRIMARY KEY NOT NULL,
    slug text COLLATE "C" NOT NULL UNIQUE,
    name text NOT NULL,
    active_platform_slot smallint,
    created_at bigint NOT NULL
);

CREATE TABLE users (
    id text PRIMARY KEY NOT NULL,
    username text NOT NULL UNIQUE,
    email text UNIQUE,
    password_hash text NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE memberships (
    organization_id text NOT NULL REFERENCES organizations (id),
    user_id text NOT NULL REFERENCES users (id),
    role text NOT NULL CHECK (role IN ('admin', 'user')),
    PRIMARY KEY (organization_id, user_id)
);
-- Each request of a session asks for its user's memberships.
CREATE INDEX memberships_user_id ON memberships (user_id);

CREATE TABLE sessions (
    id text PRIMARY KEY NOT NULL,
    user_id text NOT NULL REFERENCES users (id),
    token_digest bytea NOT NULL UNIQUE,
    created_at bigint NOT NULL,
    last_used_at bigint NOT NULL
);

CREATE TABLE workflows (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    name text NOT NULL,
    description text NOT NULL,
    workflow_type text NOT NULL CHECK (workflow_type IN ('TASK')),
    version_id text NOT NULL,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    deleted_at bigint,
    -- Serves the pages of an organization's list as well.
    UNIQUE (organization_id, id)
);

-- Rows of this table never change: a run keeps the version that it was accepted with.
CREATE TABLE workflow_versions (
    id text PRIMARY KEY NOT NULL,
    workflow_id text NOT NULL REFERENCES workflows (id),
    number integer NOT NULL CHECK (number >= 1),
    definition text NOT NULL,
    created_at bigint NOT NULL,
    UNIQUE (workflow_id, number)
);

-- A workflow and its first version name each other: the one that is written first is checked at the commit.
ALTER TABLE workflows
    ADD FOREIGN KEY (version_id) REFERENCES workflow_versions (id) DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE deployments (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    workflow_id text NOT NULL,
    deployment_type text NOT NULL CHECK (deployment_type IN ('TASK')),
    api_name text NOT NULL,
    display_name text NOT NULL,
    description text NOT NULL,
    is_active boolean NOT NULL,
    default_parameters text NOT NULL,
    timeout_seconds integer NOT NULL,
    max_concurrent integer,
    shared_results boolean NOT NULL,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    deleted_at bigint,
    -- Serves the pages of an organization's list as well.
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows (organization_id, id)
);
-- A name is free again once its deployment is deleted.
CREATE UNIQUE INDEX deployments_organization_id_api_name_key ON deployments (organization_id, api_name)
    WHERE deleted_at IS NULL;
-- A workflow may be deleted only when nothing stands on it.
CREATE INDEX deployments_workflow_id ON deployments (workflow_id) WHERE deleted_at IS NULL;

-- Keys of every kind. A platform key fills one of two slots, and `organizations.active_platform_slot` says which is
-- active; any other key is switched by its own `is_active`.
CREATE TABLE keys (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    kind text NOT NULL CHECK (kind IN ('platform', 'deployment')),
    deployment_id text,
    slot smallint CHECK (slot IN (1, 2)),
    description text NOT NULL,
    is_active boolean,
    expires_at bigint,
    revoked_at bigint,
    deleted_at bigint,
    created_by text,
    created_at bigint NOT NULL,
    UNIQUE (organization_id, slot),
    FOREIGN KEY (organization_id, deployment_id) REFERENCES deployments (organization_id, id),
    -- A deleted platform key leaves its slot; the row stays for those that name it as their maker.
    CHECK ((kind = 'platform' AND deleted_at IS NULL) = (slot IS NOT NULL)),
    CHECK ((kind = 'platform') = (is_active IS NULL)),
    CHECK ((kind = 'deployment') = (deployment_id IS NOT NULL))
);
CREATE INDEX keys_deployment_id ON keys (deployment_id, id);

-- "Never two active" is one column that holds one number; "the active slot is filled" is this reference.
ALTER TABLE organizations
    ADD FOREIGN KEY (id, active_platform_slot) REFERENCES keys (organization_id, slot);

-- Apart from `keys`, so that a key may have two secrets for the length of a rotation.
CREATE TABLE key_secrets (
    digest bytea PRIMARY KEY NOT NULL,
    key_id text NOT NULL REFERENCES keys (id),
    pepper text NOT NULL,
    fingerprint text NOT NULL,
    hint text NOT NULL,
    created_at bigint NOT NULL
);
CREATE INDEX key_secrets_key_id ON key_secrets (key_id);

-- Runs, and at the same time their queue: there is no second record that could disagree.
CREATE TABLE executions (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL,
    deployment_id text NOT NULL,
    version_id text NOT NULL REFERENCES workflow_versions (id),
    key_id text NOT NULL REFERENCES keys (id),
    status text NOT NULL CHECK (status IN ('PENDING', 'EXECUTING', 'COMPLETED', 'ERROR', 'STOPPED')),
    attempt integer NOT NULL,
    -- How many of the attempts ended with a lease that ran out.
    lost integer NOT NULL,
    lease_expires_at bigint,
    timeout_seconds integer NOT NULL,
    steps_total integer NOT NULL,
    steps_completed integer NOT NULL,
    input text,
    parameters text,
    result text,
    failure_code text,
    failure_step text,
    failure_reason text,
    created_at bigint NOT NULL,
    started_at bigint,
    finished_at bigint,
    has_payload boolean NOT NULL,
    FOREIGN KEY (organization_id, deployment_id) REFERENCES deployments (organization_id, id),
    -- Held by these two, the conditions of the indexes below mean: waits, is held, is unfinished.
    CHECK ((status = 'EXECUTING') = (lease_expires_at IS NOT NULL)),
    CHECK ((status IN ('COMPLETED', 'ERROR', 'STOPPED')) = (finished_at IS NOT NULL)),
    CHECK (has_payload = (input IS NOT NULL))
);
CREATE INDEX executions_waiting ON executions (created_at, id)
    WHERE lease_expires_at IS NULL AND finished_at IS NULL;
CREATE INDEX executions_leased ON executions (lease_expires_at) WHERE lease_expires_at IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (deployment_id) WHERE finished_at IS NULL;
-- Emptied runs leave this index, so that the next sweep does not meet them again.
CREATE INDEX executions_with_payload ON executions (finished_at) WHERE has_payload;

CREATE TABLE execution_steps (
    execution_id text NOT NULL REFERENCES executions (id),
    position integer NOT NULL,
    step_id text NOT NULL,
    started_at bigint NOT NULL,
    finished_at bigint NOT NULL,
    output text,
    error text,
    PRIMARY KEY (execution_id, position)
);
