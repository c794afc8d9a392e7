-- Why: people share what they made, an organization may leave deploying to its administrators, and a person sees and ends
-- their sessions.

-- When the password was last chosen; a browser that was trusted before then is not trusted any more.
ALTER TABLE users ADD COLUMN password_changed_at bigint;

-- Where the log-in came from, for whoever looks through their sessions.
ALTER TABLE sessions ADD COLUMN address text;
ALTER TABLE sessions ADD COLUMN user_agent text NOT NULL DEFAULT '';
CREATE INDEX sessions_user_id ON sessions (user_id, id);

ALTER TABLE organizations ADD COLUMN users_may_deploy boolean NOT NULL DEFAULT true;

ALTER TABLE workflows ADD COLUMN shared_with_everyone boolean NOT NULL DEFAULT false;
ALTER TABLE deployments ADD COLUMN shared_with_everyone boolean NOT NULL DEFAULT false;

-- Whom something is shared with, beside everyone. A share goes with the membership that it stands on.
CREATE TABLE workflow_shares (
    user_id text NOT NULL,
    workflow_id text NOT NULL,
    organization_id text NOT NULL,
    -- What is shared with somebody is asked for with each of their lists.
    PRIMARY KEY (user_id, workflow_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows (organization_id, id)
);
CREATE INDEX workflow_shares_workflow_id ON workflow_shares (workflow_id);
CREATE INDEX workflow_shares_organization_id_user_id ON workflow_shares (organization_id, user_id);

CREATE TABLE deployment_shares (
    user_id text NOT NULL,
    deployment_id text NOT NULL,
    organization_id text NOT NULL,
    PRIMARY KEY (user_id, deployment_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, deployment_id) REFERENCES deployments (organization_id, id)
);
CREATE INDEX deployment_shares_deployment_id ON deployment_shares (deployment_id);
CREATE INDEX deployment_shares_organization_id_user_id ON deployment_shares (organization_id, user_id);
