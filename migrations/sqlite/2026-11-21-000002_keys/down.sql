-- Why: back to the first migration, for whoever develops this one. Keys of organizations are gone then, and the columns of
-- `keys` stay: going up again makes that table anew.
DROP TABLE imported_secrets;
DELETE FROM key_secrets WHERE key_id IN (SELECT id FROM keys WHERE kind = 'organization');
DELETE FROM keys WHERE kind = 'organization';
DROP INDEX keys_organization_id;
DROP INDEX keys_created_by;
DROP INDEX keys_organization_id_name_key;
ALTER TABLE key_secrets DROP COLUMN grace_until;
ALTER TABLE key_secrets DROP COLUMN last_used_at;
ALTER TABLE organizations DROP COLUMN key_format;
ALTER TABLE organizations DROP COLUMN key_prefix;
