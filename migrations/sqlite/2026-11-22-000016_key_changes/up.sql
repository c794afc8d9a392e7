-- Why: whoever remembers how a key was verified asks which keys changed since, and forgets those.

-- Counts the changes of an organization's keys. Raised before anything else in a change, so that changes of one organization
-- come one after the other, and whoever sees a number sees every smaller one.
ALTER TABLE organizations ADD COLUMN key_changes bigint NOT NULL DEFAULT 0;

-- The number of each key's last change; of a key that is not here, nothing has changed since there are numbers.
CREATE TABLE key_changes (
    key_id text NOT NULL PRIMARY KEY REFERENCES keys (id),
    organization_id text NOT NULL REFERENCES organizations (id),
    number bigint NOT NULL
);
CREATE INDEX key_changes_organization_id_number ON key_changes (organization_id, number);
