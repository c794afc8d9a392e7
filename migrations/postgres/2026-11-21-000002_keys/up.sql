-- Why: keys of the organization beside those of deployments, with scopes and limits of their own; a second secret for the
-- length of a rotation; keys that another system made.

ALTER TABLE organizations
    ADD COLUMN key_format text NOT NULL DEFAULT 'token' CHECK (key_format IN ('token', 'uuid')),
    ADD COLUMN key_prefix text NOT NULL DEFAULT 'kw';

ALTER TABLE keys
    DROP CONSTRAINT keys_kind_check,
    ADD CONSTRAINT keys_kind_check CHECK (kind IN ('platform', 'deployment', 'organization')),
    -- Null for keys that have none: those of deployments are described, those of slots are numbered.
    ADD COLUMN name text,
    ADD COLUMN scopes text NOT NULL DEFAULT '[]',
    ADD COLUMN rate_limit_per_minute integer,
    ADD COLUMN ip_allowlist text NOT NULL DEFAULT '[]',
    ADD COLUMN metadata text NOT NULL DEFAULT '{}',
    -- For how many microseconds it was made: a rotation begins this term anew.
    ADD COLUMN term bigint,
    ADD COLUMN revoked_reason text,
    -- Names the hash that a key was imported by, after the hash is gone and the key deleted: so that an import may be
    -- repeated, and brings back nothing that was withdrawn.
    ADD COLUMN import_fingerprint text,
    ADD UNIQUE (organization_id, import_fingerprint),
    ADD CHECK ((kind = 'organization') = (name IS NOT NULL));
UPDATE keys SET term = expires_at - created_at;
-- Pages of the keys of the organization.
CREATE INDEX keys_organization_id ON keys (organization_id, id) WHERE kind = 'organization';
-- Whoever made a key may have all that it made revoked.
CREATE INDEX keys_created_by ON keys (created_by);
-- A name is free again once its key is deleted.
CREATE UNIQUE INDEX keys_organization_id_name_key ON keys (organization_id, name) WHERE deleted_at IS NULL;

ALTER TABLE key_secrets
    ADD COLUMN grace_until bigint,
    ADD COLUMN last_used_at bigint;

-- Secrets as other systems keep them, until their first use, which replaces the row by one of `key_secrets`.
CREATE TABLE imported_secrets (
    key_id text PRIMARY KEY REFERENCES keys (id),
    algorithm text NOT NULL CHECK (algorithm IN ('sha256', 'sha512', 'pbkdf2_sha256')),
    -- Not unique: two organizations may have the same key, and one of them may import it twice under two salts.
    digest bytea NOT NULL,
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
