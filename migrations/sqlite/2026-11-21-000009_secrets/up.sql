-- Why: workflows use secrets of their organization, which are kept sealed under a key that is not in the database.
CREATE TABLE organization_secrets (
    organization_id text NOT NULL REFERENCES organizations (id),
    name text NOT NULL,
    -- The name of the key that opens `sealed`: so that a missing key is told before a workflow fails by it.
    encryption_key text NOT NULL,
    -- The nonce, then the sealed value with its tag.
    sealed blob NOT NULL,
    set_at bigint NOT NULL,
    set_by text NOT NULL,
    set_by_name text NOT NULL,
    PRIMARY KEY (organization_id, name)
);
