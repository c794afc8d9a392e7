-- Why: who did what, and when, in rows that nobody can quietly take back: each is written with its change, and chained to the
-- one before it soon after, by a key that the database has not.

-- Texts are kept as they are sealed. `seq`, `mac` and `pepper` are null until then.
CREATE TABLE audit_entries (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    at bigint NOT NULL,
    actor_kind text NOT NULL,
    -- Null for the command line.
    actor_id text,
    actor_name text NOT NULL,
    action text NOT NULL,
    subject_kind text NOT NULL,
    -- Null where an operation is meant and no thing.
    subject_id text,
    subject_name text NOT NULL,
    -- Why a key was revoked, or the code of a refusal.
    reason text,
    -- How often it happened within the minute: refusals are counted, everything else stands alone.
    occurrences integer NOT NULL,
    address text,
    request_id text,
    seq bigint,
    mac blob,
    pepper text,
    UNIQUE (organization_id, seq),
    CHECK ((seq IS NULL) = (mac IS NULL)),
    CHECK ((seq IS NULL) = (pepper IS NULL))
);
-- Pages of an organization's list.
CREATE INDEX audit_entries_organization_id ON audit_entries (organization_id, id);
-- What the sealer asks for each second: empty, most of the time.
CREATE INDEX audit_entries_unsealed ON audit_entries (organization_id, id) WHERE seq IS NULL;
-- What is older than entries are kept.
CREATE INDEX audit_entries_at ON audit_entries (at);

-- The end of each chain, and the place where it begins now that older entries are gone. Apart from the entries, or whoever
-- cuts the last ones would leave a chain that is whole.
CREATE TABLE audit_heads (
    organization_id text PRIMARY KEY NOT NULL REFERENCES organizations (id),
    seq bigint NOT NULL,
    mac blob NOT NULL,
    checkpoint_seq bigint NOT NULL,
    checkpoint_mac blob NOT NULL,
    pepper text NOT NULL,
    head_mac blob NOT NULL
);

-- How far each chain has come, once more: whose head was set back to an earlier copy of its own is told by this.
CREATE TABLE audit_marks (
    organization_id text PRIMARY KEY NOT NULL REFERENCES organizations (id),
    seq bigint NOT NULL
);

-- One row: how many entries were ever sealed, of all organizations together. A head and its mark cannot be set back without
-- it, and it not without all the others. Its lock makes one sealer of many.
CREATE TABLE audit_totals (
    id smallint PRIMARY KEY NOT NULL CHECK (id = 1),
    sealed bigint NOT NULL,
    mac blob,
    pepper text,
    CHECK ((sealed = 0) = (mac IS NULL)),
    CHECK ((sealed = 0) = (pepper IS NULL))
);
INSERT INTO audit_totals (id, sealed) VALUES (1, 0);

-- Organizations that were there before begin their history with their creation, as new ones do. The id is a UUIDv7 of that time.
INSERT INTO audit_entries (id, organization_id, at, actor_kind, actor_name, action, subject_kind, subject_id, subject_name,
        occurrences)
    SELECT lower(substr(printf('%012x', created_at / 1000), 1, 8) || '-' || substr(printf('%012x', created_at / 1000), 9, 4)
            || '-7' || substr(hex(randomblob(2)), 1, 3) || '-8' || substr(hex(randomblob(2)), 1, 3) || '-' || hex(randomblob(6))),
        id, created_at, 'command_line', '', 'organization.created', 'organization', id, slug, 1
    FROM organizations;
