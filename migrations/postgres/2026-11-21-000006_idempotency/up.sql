-- Why: a request that is sent again is done once, whichever server hears it: what the first one made is remembered in the
-- transaction that made it.

CREATE TABLE idempotency_records (
    organization_id text NOT NULL REFERENCES organizations (id),
    -- SHA-256 of who asked for what, under which idempotency key.
    request_name bytea NOT NULL,
    -- HMAC of the body: the same request with another body is refused.
    body bytea NOT NULL,
    made_id text NOT NULL,
    -- What was made along with it: the first key of a deployment.
    made_along_id text,
    created_at bigint NOT NULL,
    PRIMARY KEY (organization_id, request_name)
);
-- What is older than records count.
CREATE INDEX idempotency_records_created_at ON idempotency_records (created_at);
