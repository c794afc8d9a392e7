-- Why: people come into an organization by invitation, and it is told since when somebody belongs to it.

-- Until now a membership was made with its organization and with nothing else, which older servers go on doing: where it
-- is null, the organization's own time is meant.
ALTER TABLE memberships ADD COLUMN created_at bigint;

-- The one-time link of an invitation is derived from its id and the pepper: nothing here opens anything.
CREATE TABLE invitations (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    email text NOT NULL,
    role text NOT NULL CHECK (role IN ('admin', 'user')),
    is_mailed boolean NOT NULL,
    created_by text NOT NULL,
    created_by_name text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    accepted_at bigint,
    withdrawn_at bigint,
    -- It ends once.
    CHECK (accepted_at IS NULL OR withdrawn_at IS NULL)
);
-- The pages of those that are open.
CREATE INDEX invitations_open ON invitations (organization_id, id) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
-- There is one link for an address: a second invitation withdraws the first.
CREATE UNIQUE INDEX invitations_organization_id_email_key ON invitations (organization_id, email)
    WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
-- How many an organization made of late.
CREATE INDEX invitations_created_at ON invitations (organization_id, created_at);
-- What the sweep looks for.
CREATE INDEX invitations_expires_at ON invitations (expires_at);
