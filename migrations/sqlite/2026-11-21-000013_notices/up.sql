-- Why: people and programs are told of what happens to keys, runs and members, by webhook and by mail, once each.

-- What happened, kept for those who are told of it. Where nobody is to be told, there is no row.
CREATE TABLE events (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    type text NOT NULL,
    at bigint NOT NULL,
    -- A JSON object, as receivers get it.
    data text NOT NULL
);

CREATE TABLE webhooks (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    url text NOT NULL,
    description text NOT NULL,
    is_active boolean NOT NULL,
    -- Why the server switched it off, where it did.
    disabled_reason text CHECK (disabled_reason IN ('failing', 'gone')),
    -- The name of the key that opens `sealed`, and what signs the deliveries.
    encryption_key text NOT NULL,
    sealed blob NOT NULL,
    -- The same of the secret before, which signs as well until then.
    previous_encryption_key text,
    previous_sealed blob,
    previous_until bigint,
    -- Since when nothing arrived.
    failing_since bigint,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    -- It is nobody's any more, and goes with the last of what it was told.
    deleted_at bigint,
    -- Serves the pages of an organization's list as well.
    UNIQUE (organization_id, id),
    CHECK ((previous_sealed IS NULL) = (previous_encryption_key IS NULL)),
    CHECK ((previous_sealed IS NULL) = (previous_until IS NULL)),
    CHECK (disabled_reason IS NULL OR NOT is_active),
    CHECK (deleted_at IS NULL OR NOT is_active)
);
CREATE INDEX webhooks_deleted_at ON webhooks (deleted_at) WHERE deleted_at IS NOT NULL;

-- Apart from `webhooks`, so that whatever happens finds those who want to hear of it by one key.
CREATE TABLE webhook_events (
    organization_id text NOT NULL,
    event text NOT NULL,
    webhook_id text NOT NULL,
    PRIMARY KEY (organization_id, event, webhook_id),
    FOREIGN KEY (organization_id, webhook_id) REFERENCES webhooks (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_events_webhook_id ON webhook_events (webhook_id);

-- One event on its way to one receiver: the queue of what is to be sent, and the log of what was.
CREATE TABLE deliveries (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL,
    event_id text NOT NULL REFERENCES events (id),
    webhook_id text,
    mail_to text,
    -- Deliveries of one lane may hold each other up, and those of no other: a webhook's id, or 'mail'.
    lane text NOT NULL,
    state text NOT NULL CHECK (state IN ('PENDING', 'DELIVERED', 'DEAD')),
    attempt integer NOT NULL,
    next_attempt_at bigint,
    -- A JSON array: what became of each attempt.
    attempts text NOT NULL,
    created_at bigint NOT NULL,
    finished_at bigint,
    FOREIGN KEY (organization_id, webhook_id) REFERENCES webhooks (organization_id, id) ON DELETE CASCADE,
    CHECK ((webhook_id IS NULL) <> (mail_to IS NULL)),
    CHECK ((state = 'PENDING') = (next_attempt_at IS NOT NULL)),
    CHECK ((state = 'PENDING') = (finished_at IS NULL))
);
CREATE INDEX deliveries_lane ON deliveries (lane, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX deliveries_webhook_id ON deliveries (webhook_id, id) WHERE webhook_id IS NOT NULL;
CREATE INDEX deliveries_mail ON deliveries (organization_id, id) WHERE mail_to IS NOT NULL;
CREATE INDEX deliveries_event_id ON deliveries (event_id);
CREATE INDEX deliveries_finished_at ON deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- How many days before its end a key's end is told of: a JSON array, most first.
ALTER TABLE organizations ADD COLUMN notice_days text NOT NULL DEFAULT '[14,7,1]';

-- Up to when the end of a key has been looked at, and when to look again. An instant between the two at which somebody is to
-- be told is not told twice, and not forgotten.
ALTER TABLE keys ADD COLUMN noticed_until bigint;
ALTER TABLE keys ADD COLUMN next_notice_at bigint;
ALTER TABLE keys ADD COLUMN limit_noticed_at bigint;
-- Of what lies in the past already, nobody is told any more.
UPDATE keys SET noticed_until = CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER), next_notice_at = CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER) WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX keys_next_notice_at ON keys (next_notice_at) WHERE next_notice_at IS NOT NULL;
