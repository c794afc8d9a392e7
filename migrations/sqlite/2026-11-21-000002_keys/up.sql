-- Why: keys of the organization beside those of deployments, with scopes and limits of their own; a second secret for the
-- length of a rotation; keys that another system made.

ALTER TABLE organizations ADD COLUMN key_format text NOT NULL DEFAULT 'token' CHECK (key_format IN ('token', 'uuid'));
ALTER TABLE organizations ADD COLUMN key_prefix text NOT NULL DEFAULT 'kw';

-- SQLite changes no CHECK: the table is made anew. References to it are checked when all of it is back.
PRAGMA defer_foreign_keys = ON;
CREATE TEMP TABLE old_keys AS SELECT * FROM keys;
DROP TABLE keys;

-- Keys of every kind. A platform key fills one of two slots, and `organizations.active_platform_slot` says which is
-- active; any other key is switched by its own `is_active`.
CREATE TABLE keys (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    kind text NOT NULL CHECK (kind IN ('platform', 'deployment', 'organization')),
    deployment_id text,
    slot smallint CHECK (slot IN (1, 2)),
    -- Null for keys that have none: those of deployments are described, those of slots are numbered.
    name text,
    description text NOT NULL,
    is_active boolean,
    scopes text NOT NULL DEFAULT '[]',
    rate_limit_per_minute integer,
    ip_allowlist text NOT NULL DEFAULT '[]',
    metadata text NOT NULL DEFAULT '{}',
    expires_at bigint,
    -- For how many microseconds it was made: a rotation begins this term anew.
    term bigint,
    revoked_at bigint,
    revoked_reason text,
    deleted_at bigint,
    created_by text,
    created_at bigint NOT NULL,
    -- Names the hash that a key was imported by, after the hash is gone and the key deleted: so that an import may be
    -- repeated, and brings back nothing that was withdrawn.
    import_fingerprint text,
    UNIQUE (organization_id, slot),
    UNIQUE (organization_id, import_fingerprint),
    FOREIGN KEY (organization_id, deployment_id) REFERENCES deployments (organization_id, id),
    -- A deleted platform key leaves its slot; the row stays for those that name it as their maker.
    CHECK ((kind = 'platform' AND deleted_at IS NULL) = (slot IS NOT NULL)),
    CHECK ((kind = 'platform') = (is_active IS NULL)),
    CHECK ((kind = 'deployment') = (deployment_id IS NOT NULL)),
    CHECK ((kind = 'organization') = (name IS NOT NULL))
);
INSERT INTO keys (id, organization_id, kind, deployment_id, slot, description, is_active, expires_at, term, revoked_at,
        deleted_at, created_by, created_at)
    SELECT id, organization_id, kind, deployment_id, slot, description, is_active, expires_at, expires_at - created_at,
        revoked_at, deleted_at, created_by, created_at
    FROM old_keys;
DROP TABLE old_keys;
CREATE INDEX keys_deployment_id ON keys (deployment_id, id);
-- Pages of the keys of the organization.
CREATE INDEX keys_organization_id ON keys (organization_id, id) WHERE kind = 'organization';
-- Whoever made a key may have all that it made revoked.
CREATE INDEX keys_created_by ON keys (created_by);
-- A name is free again once its key is deleted.
CREATE UNIQUE INDEX keys_organization_id_name_key ON keys (organization_id, name) WHERE deleted_at IS NULL;

ALTER TABLE key_secrets ADD COLUMN grace_until bigint;
ALTER TABLE key_secrets ADD COLUMN last_used_at bigint;

-- Secrets as other systems keep them, until their first use, which replaces the row by one of `key_secrets`.
CREATE TABLE imported_secrets (
    key_id text PRIMARY KEY NOT NULL REFERENCES keys (id),
    algorithm text NOT NULL CHECK (algorithm IN ('sha256', 'sha512', 'pbkdf2_sha256')),
    -- Not unique: two organizations may have the same key, and one of them may import it twice under two salts.
    digest blob NOT NULL,
    -- What the key begins with; keys under PBKDF2 are found by it.
    prefix text,
    salt text,
    iterations integer,
    created_at bigint NOT NULL,
    grace_until bigint,
    CHECK ((algorithm = 'pbkdf2_sha256') = (salt IS NOT NULL)),
    CHECK ((algorithm = 'pbkdf2_sha256') = (iterations IS NOT NULL)),
    CHECK (algorithm <> 'pbkdf2_sha256' OR prefix IS NOT NULL)
);
CREATE INDEX imported_secrets_digest ON imported_secrets (digest);
CREATE INDEX imported_secrets_prefix ON imported_secrets (prefix) WHERE algorithm = 'pbkdf2_sha256';
