-- Why: back to the first migration, for whoever develops this one. Keys of organizations are gone then.
DROP TABLE imported_secrets;
DELETE FROM key_secrets WHERE key_id IN (SELECT id FROM keys WHERE kind = 'organization');
DELETE FROM keys WHERE kind = 'organization';
DROP INDEX keys_created_by;
ALTER TABLE key_secrets DROP COLUMN grace_until, DROP COLUMN last_used_at;
ALTER TABLE keys
    DROP CONSTRAINT keys_kind_check,
    ADD CONSTRAINT keys_kind_check CHECK (kind IN ('platform', 'deployment')),
    DROP COLUMN name,
    DROP COLUMN scopes,
    DROP COLUMN rate_limit_per_minute,
    DROP COLUMN ip_allowlist,
    DROP COLUMN metadata,
    DROP COLUMN term,
    DROP COLUMN revoked_reason,
    DROP COLUMN import_fingerprint;
DROP INDEX IF EXISTS keys_organization_id;
ALTER TABLE organizations DROP COLUMN key_format, DROP COLUMN key_prefix;
