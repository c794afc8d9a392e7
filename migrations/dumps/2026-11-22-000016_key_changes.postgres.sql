CREATE TABLE __diesel_schema_migrations (
    version character varying(50) NOT NULL,
    run_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);
CREATE TABLE audit_entries (
    id text NOT NULL,
    organization_id text NOT NULL,
    at bigint NOT NULL,
    actor_kind text NOT NULL,
    actor_id text,
    actor_name text NOT NULL,
    action text NOT NULL,
    subject_kind text NOT NULL,
    subject_id text,
    subject_name text NOT NULL,
    reason text,
    occurrences integer NOT NULL,
    address text,
    request_id text,
    seq bigint,
    mac bytea,
    pepper text,
    CONSTRAINT audit_entries_check CHECK (((seq IS NULL) = (mac IS NULL))),
    CONSTRAINT audit_entries_check1 CHECK (((seq IS NULL) = (pepper IS NULL)))
);
CREATE TABLE audit_heads (
    organization_id text NOT NULL,
    seq bigint NOT NULL,
    mac bytea NOT NULL,
    checkpoint_seq bigint NOT NULL,
    checkpoint_mac bytea NOT NULL,
    pepper text NOT NULL,
    head_mac bytea NOT NULL
);
CREATE TABLE audit_marks (
    organization_id text NOT NULL,
    seq bigint NOT NULL
);
CREATE TABLE audit_totals (
    id smallint NOT NULL,
    sealed bigint NOT NULL,
    mac bytea,
    pepper text,
    CONSTRAINT audit_totals_check CHECK (((sealed = 0) = (mac IS NULL))),
    CONSTRAINT audit_totals_check1 CHECK (((sealed = 0) = (pepper IS NULL))),
    CONSTRAINT audit_totals_id_check CHECK ((id = 1))
);
CREATE TABLE deliveries (
    id text NOT NULL,
    organization_id text NOT NULL,
    event_id text NOT NULL,
    webhook_id text,
    mail_to text,
    lane text NOT NULL,
    state text NOT NULL,
    attempt integer NOT NULL,
    next_attempt_at bigint,
    attempts text NOT NULL,
    created_at bigint NOT NULL,
    finished_at bigint,
    CONSTRAINT deliveries_check CHECK (((webhook_id IS NULL) <> (mail_to IS NULL))),
    CONSTRAINT deliveries_check1 CHECK (((state = 'PENDING'::text) = (next_attempt_at IS NOT NULL))),
    CONSTRAINT deliveries_check2 CHECK (((state = 'PENDING'::text) = (finished_at IS NULL))),
    CONSTRAINT deliveries_state_check CHECK ((state = ANY (ARRAY['PENDING'::text, 'DELIVERED'::text, 'DEAD'::text])))
);
CREATE TABLE deployment_shares (
    user_id text NOT NULL,
    deployment_id text NOT NULL,
    organization_id text NOT NULL
);
CREATE TABLE deployments (
    id text NOT NULL,
    organization_id text NOT NULL,
    workflow_id text NOT NULL,
    deployment_type text NOT NULL,
    api_name text NOT NULL,
    display_name text NOT NULL,
    description text NOT NULL,
    is_active boolean NOT NULL,
    default_parameters text NOT NULL,
    timeout_seconds integer NOT NULL,
    max_concurrent integer,
    shared_results boolean NOT NULL,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    deleted_at bigint,
    rate_limit_per_minute integer,
    ip_allowlist text DEFAULT '[]'::text NOT NULL,
    max_body_bytes integer DEFAULT 10485760 NOT NULL,
    input_schema text,
    max_file_bytes integer DEFAULT 104857600 NOT NULL,
    shared_with_everyone boolean DEFAULT false NOT NULL,
    CONSTRAINT deployments_deployment_type_check CHECK ((deployment_type = ANY (ARRAY['TASK'::text, 'ETL'::text])))
);
CREATE TABLE events (
    id text NOT NULL,
    organization_id text NOT NULL,
    type text NOT NULL,
    at bigint NOT NULL,
    data text NOT NULL
);
CREATE TABLE execution_files (
    id text NOT NULL,
    execution_id text NOT NULL,
    organization_id text NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL,
    is_kept boolean NOT NULL
);
CREATE TABLE execution_records (
    execution_id text NOT NULL,
    records_read bigint NOT NULL,
    records_written bigint NOT NULL,
    records_failed bigint NOT NULL,
    checkpoint text
);
CREATE TABLE execution_steps (
    execution_id text NOT NULL,
    "position" integer NOT NULL,
    step_id text NOT NULL,
    started_at bigint NOT NULL,
    finished_at bigint,
    output text,
    error text,
    item integer DEFAULT 0 NOT NULL,
    state text DEFAULT 'SUCCEEDED'::text NOT NULL,
    prompt_tokens bigint DEFAULT 0 NOT NULL,
    completion_tokens bigint DEFAULT 0 NOT NULL,
    cost_micros bigint DEFAULT 0 NOT NULL,
    log text DEFAULT '[]'::text NOT NULL,
    CONSTRAINT execution_steps_check CHECK (((state = 'BEGUN'::text) = (finished_at IS NULL))),
    CONSTRAINT execution_steps_check1 CHECK (((state = 'FAILED'::text) = (error IS NOT NULL))),
    CONSTRAINT execution_steps_state_check CHECK ((state = ANY (ARRAY['BEGUN'::text, 'SUCCEEDED'::text, 'SKIPPED'::text, 'FAILED'::text])))
);
CREATE TABLE executions (
    id text NOT NULL,
    organization_id text NOT NULL,
    deployment_id text,
    version_id text NOT NULL,
    key_id text,
    status text NOT NULL,
    attempt integer NOT NULL,
    lost integer NOT NULL,
    lease_expires_at bigint,
    timeout_seconds integer NOT NULL,
    steps_total integer NOT NULL,
    steps_completed integer NOT NULL,
    input text,
    parameters text,
    result text,
    failure_code text,
    failure_step text,
    failure_reason text,
    created_at bigint NOT NULL,
    started_at bigint,
    finished_at bigint,
    has_payload boolean NOT NULL,
    trace_parent text,
    trigger text DEFAULT 'CALL'::text NOT NULL,
    started_by text,
    per_file boolean DEFAULT false NOT NULL,
    workflow_id text,
    CONSTRAINT executions_check CHECK (((status = 'EXECUTING'::text) = (lease_expires_at IS NOT NULL))),
    CONSTRAINT executions_check1 CHECK (((status = ANY (ARRAY['COMPLETED'::text, 'ERROR'::text, 'STOPPED'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT executions_check2 CHECK ((has_payload = (input IS NOT NULL))),
    CONSTRAINT executions_check3 CHECK (((trigger = 'CALL'::text) = (deployment_id IS NOT NULL))),
    CONSTRAINT executions_check4 CHECK (((trigger = 'CALL'::text) = (key_id IS NOT NULL))),
    CONSTRAINT executions_status_check CHECK ((status = ANY (ARRAY['PENDING'::text, 'EXECUTING'::text, 'COMPLETED'::text, 'ERROR'::text, 'STOPPED'::text]))),
    CONSTRAINT executions_trigger_check CHECK ((trigger = ANY (ARRAY['CALL'::text, 'TEST'::text, 'SCHEDULE'::text])))
);
CREATE TABLE idempotency_records (
    organization_id text NOT NULL,
    request_name bytea NOT NULL,
    body bytea NOT NULL,
    made_id text NOT NULL,
    made_along_id text,
    created_at bigint NOT NULL
);
CREATE TABLE imported_secrets (
    key_id text NOT NULL,
    algorithm text NOT NULL,
    digest bytea NOT NULL,
    prefix text,
    salt text,
    iterations integer,
    created_at bigint NOT NULL,
    grace_until bigint,
    CONSTRAINT imported_secrets_algorithm_check CHECK ((algorithm = ANY (ARRAY['sha256'::text, 'sha512'::text, 'pbkdf2_sha256'::text]))),
    CONSTRAINT imported_secrets_check CHECK (((algorithm = 'pbkdf2_sha256'::text) = (salt IS NOT NULL))),
    CONSTRAINT imported_secrets_check1 CHECK (((algorithm = 'pbkdf2_sha256'::text) = (iterations IS NOT NULL))),
    CONSTRAINT imported_secrets_check2 CHECK (((algorithm <> 'pbkdf2_sha256'::text) OR (prefix IS NOT NULL)))
);
CREATE TABLE invitations (
    id text NOT NULL,
    organization_id text NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    is_mailed boolean NOT NULL,
    created_by text NOT NULL,
    created_by_name text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    accepted_at bigint,
    withdrawn_at bigint,
    CONSTRAINT invitations_check CHECK (((accepted_at IS NULL) OR (withdrawn_at IS NULL))),
    CONSTRAINT invitations_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'user'::text])))
);
CREATE TABLE key_changes (
    key_id text NOT NULL,
    organization_id text NOT NULL,
    number bigint NOT NULL
);
CREATE TABLE key_secrets (
    digest bytea NOT NULL,
    key_id text NOT NULL,
    pepper text NOT NULL,
    fingerprint text NOT NULL,
    hint text NOT NULL,
    created_at bigint NOT NULL,
    grace_until bigint,
    last_used_at bigint
);
CREATE TABLE keys (
    id text NOT NULL,
    organization_id text NOT NULL,
    kind text NOT NULL,
    deployment_id text,
    slot smallint,
    description text NOT NULL,
    is_active boolean,
    expires_at bigint,
    revoked_at bigint,
    deleted_at bigint,
    created_by text,
    created_at bigint NOT NULL,
    name text,
    scopes text DEFAULT '[]'::text NOT NULL,
    rate_limit_per_minute integer,
    ip_allowlist text DEFAULT '[]'::text NOT NULL,
    metadata text DEFAULT '{}'::text NOT NULL,
    term bigint,
    revoked_reason text,
    import_fingerprint text,
    noticed_until bigint,
    next_notice_at bigint,
    limit_noticed_at bigint,
    CONSTRAINT keys_check CHECK ((((kind = 'platform'::text) AND (deleted_at IS NULL)) = (slot IS NOT NULL))),
    CONSTRAINT keys_check1 CHECK (((kind = 'platform'::text) = (is_active IS NULL))),
    CONSTRAINT keys_check2 CHECK (((kind = 'deployment'::text) = (deployment_id IS NOT NULL))),
    CONSTRAINT keys_check3 CHECK (((kind = 'organization'::text) = (name IS NOT NULL))),
    CONSTRAINT keys_kind_check CHECK ((kind = ANY (ARRAY['platform'::text, 'deployment'::text, 'organization'::text]))),
    CONSTRAINT keys_slot_check CHECK ((slot = ANY (ARRAY[1, 2])))
);
CREATE TABLE memberships (
    organization_id text NOT NULL,
    user_id text NOT NULL,
    role text NOT NULL,
    created_at bigint,
    CONSTRAINT memberships_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'user'::text])))
);
CREATE TABLE organization_secrets (
    organization_id text NOT NULL,
    name text NOT NULL,
    encryption_key text NOT NULL,
    sealed bytea NOT NULL,
    set_at bigint NOT NULL,
    set_by text NOT NULL,
    set_by_name text NOT NULL
);
CREATE TABLE organizations (
    id text NOT NULL,
    slug text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    active_platform_slot smallint,
    created_at bigint NOT NULL,
    key_format text DEFAULT 'token'::text NOT NULL,
    key_prefix text DEFAULT 'kw'::text NOT NULL,
    max_concurrent integer,
    result_hours integer,
    record_days integer,
    notice_days text DEFAULT '[14,7,1]'::text NOT NULL,
    users_may_deploy boolean DEFAULT true NOT NULL,
    key_changes bigint DEFAULT 0 NOT NULL,
    CONSTRAINT organizations_key_format_check CHECK ((key_format = ANY (ARRAY['token'::text, 'uuid'::text])))
);
CREATE TABLE schedules (
    workflow_id text NOT NULL,
    organization_id text NOT NULL,
    cron text NOT NULL,
    is_active boolean NOT NULL,
    timeout_seconds integer NOT NULL,
    input text NOT NULL,
    parameters text NOT NULL,
    next_run_at bigint,
    last_run_at bigint,
    last_execution_id text,
    last_skipped_at bigint,
    modified_at bigint NOT NULL
);
CREATE TABLE sessions (
    id text NOT NULL,
    user_id text NOT NULL,
    token_digest bytea NOT NULL,
    created_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    address text,
    user_agent text DEFAULT ''::text NOT NULL
);
CREATE TABLE usage (
    organization_id text NOT NULL,
    key_id text NOT NULL,
    resolution smallint NOT NULL,
    start bigint NOT NULL,
    deployment_id text NOT NULL,
    measure text NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT usage_amount_check CHECK ((amount >= 0)),
    CONSTRAINT usage_resolution_check CHECK ((resolution = ANY (ARRAY[0, 1, 2])))
);
CREATE TABLE usage_writers (
    id text NOT NULL,
    batch bigint NOT NULL,
    added_at bigint NOT NULL
);
CREATE TABLE users (
    id text NOT NULL,
    username text NOT NULL,
    email text,
    password_hash text NOT NULL,
    created_at bigint NOT NULL,
    password_changed_at bigint
);
CREATE TABLE webhook_events (
    organization_id text NOT NULL,
    event text NOT NULL,
    webhook_id text NOT NULL
);
CREATE TABLE webhooks (
    id text NOT NULL,
    organization_id text NOT NULL,
    url text NOT NULL,
    description text NOT NULL,
    is_active boolean NOT NULL,
    disabled_reason text,
    encryption_key text NOT NULL,
    sealed bytea NOT NULL,
    previous_encryption_key text,
    previous_sealed bytea,
    previous_until bigint,
    failing_since bigint,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    deleted_at bigint,
    CONSTRAINT webhooks_check CHECK (((previous_sealed IS NULL) = (previous_encryption_key IS NULL))),
    CONSTRAINT webhooks_check1 CHECK (((previous_sealed IS NULL) = (previous_until IS NULL))),
    CONSTRAINT webhooks_check2 CHECK (((disabled_reason IS NULL) OR (NOT is_active))),
    CONSTRAINT webhooks_check3 CHECK (((deleted_at IS NULL) OR (NOT is_active))),
    CONSTRAINT webhooks_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['failing'::text, 'gone'::text])))
);
CREATE TABLE workflow_shares (
    user_id text NOT NULL,
    workflow_id text NOT NULL,
    organization_id text NOT NULL
);
CREATE TABLE workflow_versions (
    id text NOT NULL,
    workflow_id text NOT NULL,
    number integer NOT NULL,
    definition text NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT workflow_versions_number_check CHECK ((number >= 1))
);
CREATE TABLE workflows (
    id text NOT NULL,
    organization_id text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    workflow_type text NOT NULL,
    version_id text NOT NULL,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    deleted_at bigint,
    shared_with_everyone boolean DEFAULT false NOT NULL,
    CONSTRAINT workflows_workflow_type_check CHECK ((workflow_type = ANY (ARRAY['TASK'::text, 'ETL'::text])))
);
INSERT INTO __diesel_schema_migrations VALUES ('20261121000001', '2026-11-22 04:47:08.247543');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000002', '2026-11-22 04:47:08.317701');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000003', '2026-11-22 04:47:08.339936');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000004', '2026-11-22 04:47:08.40354');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000005', '2026-11-22 04:47:08.414115');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000006', '2026-11-22 04:47:08.439537');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000007', '2026-11-22 04:47:08.467533');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000008', '2026-11-22 04:47:08.487959');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000009', '2026-11-22 04:47:08.498047');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000010', '2026-11-22 04:47:08.511527');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000011', '2026-11-22 04:47:08.529736');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000012', '2026-11-22 04:47:08.547529');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000013', '2026-11-22 04:47:08.560049');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000014', '2026-11-22 04:47:08.587532');
INSERT INTO __diesel_schema_migrations VALUES ('20261121000015', '2026-11-22 04:47:08.595007');
INSERT INTO __diesel_schema_migrations VALUES ('20261122000016', '2026-11-22 04:47:08.615523');
INSERT INTO audit_entries VALUES ('01a20194-57cc-7005-9681-02c0a73e4469', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322828748903, 'command_line', NULL, '', 'organization.created', 'organization', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'acme', NULL, 1, NULL, NULL, 1, '\xa63a7345b6f55b311dda85736082ca9dec6bdb3f4fa3832331f07814a9e0296d', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-58da-718d-a322-2f59bec8a898', '01a20194-58da-7830-b459-098f8d0911a7', 1795322829018561, 'command_line', NULL, '', 'organization.created', 'organization', '01a20194-58da-7830-b459-098f8d0911a7', 'other', NULL, 1, NULL, NULL, 1, '\x53acc4dca988b942da6952c78ed564cbdc1572bccc8684c9b180431dac820ceb', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-6061-768f-842b-261ce92fd162', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322830945301, 'user', '01a20194-57cc-7388-8dd6-b3b695177041', 'ada', 'platform_key.created', 'platform_key', '01a20194-6061-73b6-8ca6-f5f3cdc58b79', 'Key #2', NULL, 1, '127.0.0.1', 'dc59221e-4af6-4705-9232-62ca51bd064e', 2, '\x0dd4fbc0fc378447a171b30c6829de7bc9099c48716a066e826e221cb6c5c33b', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-60a8-7d82-8833-6b49d518566c', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831016624, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'webhook.created', 'webhook', '01a20194-60a8-7727-81d5-ca20c83e563c', 'http://127.0.0.1:9', NULL, 1, '127.0.0.1', 'ef716cdd-15ce-494c-8c89-7ee809313197', 3, '\xa7ab58a55cafe8add903aa8d458568216127a812f3b683e874a9669322eeb740', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-60c3-735e-9c23-4f480d9563ff', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831043363, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'webhook.rotated', 'webhook', '01a20194-60a8-7727-81d5-ca20c83e563c', 'http://127.0.0.1:9', NULL, 1, '127.0.0.1', '9496f7ef-e5e2-4437-b65f-48390c6cbcca', 4, '\x9ad3d27f61dfc4a69c31f9917f21fa1d45ecf8fc6196dd936d848df151b1dd48', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-60e3-7d8a-97ea-6648f990d391', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831075598, 'user', '01a20194-57cc-7388-8dd6-b3b695177041', 'ada', 'secret.set', 'secret', NULL, 'TOKEN', NULL, 1, '127.0.0.1', '2a939cc7-bfbd-4fbd-8a28-dfa13c9079a4', 5, '\xe593abc27794a1a86c1b7607280520831150960481c44a98ad158c28e7eb97b1', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-6103-7bf6-a819-dc6f69752092', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831107575, 'user', '01a20194-57cc-7388-8dd6-b3b695177041', 'ada', 'member.invited', 'invitation', '01a20194-6103-7d6d-a0e5-69226fab09bc', 'bea@example.com', NULL, 1, '127.0.0.1', 'f3a2549f-062c-4fee-a7f1-cca1cabeeb34', 6, '\xda61eaed377617c023638a14f82dee00bd96979e14964c2fbb05b592958bac03', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-617f-7fb9-942e-d63b675b7808', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831231466, 'user', '01a20194-617f-7acd-aff6-966ed277fe84', 'bea', 'member.joined', 'user', '01a20194-617f-7acd-aff6-966ed277fe84', 'bea', NULL, 1, '127.0.0.1', '19d06119-2650-4424-8d42-ee528530b794', 7, '\xd61d7e5be876b23f64b2f6396eda48fa70f844f4c7d117e4a5489673c26664ba', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-61ba-7f71-bc72-3ce9b1e83af4', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831290427, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'workflow.created', 'workflow', '01a20194-61ba-72c9-9b95-02d32dd93186', 'pass on', NULL, 1, '127.0.0.1', 'dcda64e7-5597-4f1f-99c3-e01b2a64e111', 8, '\x4c047534793ba0c353ffb795bc5718f2765bba2f00fdf6d1e26bb2ed4ba6528b', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-61c0-7686-bc03-01da6e40fa3e', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831296033, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'workflow.changed', 'workflow', '01a20194-61ba-72c9-9b95-02d32dd93186', 'pass on', NULL, 1, '127.0.0.1', 'eb260573-5829-4ec2-8c63-5f9e86247b5c', 9, '\xb5bbc4a286df9921160addfe1fd347fac65beb3d2ee2db2e985f0f0c1c3d5eb0', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-61cf-7527-87e0-de0534339839', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831311433, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'deployment.created', 'deployment', '01a20194-61cf-7fde-beac-9d8e17afa253', 'pass_on', NULL, 1, '127.0.0.1', '64d6effb-f9a1-4df8-bacf-c7871c2ce869', 10, '\xb89bf624d1387fd6ebd11d60c0cf4aac247424d234dd1f5dafd8e9311cbfd4e1', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-6367-7233-8770-c3b01fb7ea7b', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831719734, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'workflow.created', 'workflow', '01a20194-6367-733a-96c9-5433574915fe', 'copy', NULL, 1, '127.0.0.1', '28f7a943-dfbe-4611-9a97-ab3ef5336c0b', 15, '\xcdcde2acd9bb1248c6a6ef9ad252821413b604282e5b54006299aedf033bc3ff', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-61cf-79b4-acf6-42c337aba6e8', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831311433, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'key.created', 'deployment_key', '01a20194-61cf-75fe-890f-770401c72da7', 'First key of pass_on', NULL, 1, '127.0.0.1', '64d6effb-f9a1-4df8-bacf-c7871c2ce869', 11, '\x2fe5cddf074955929f68751cfac7a26800b7be62b6e7b60b150d9fdcf3408d87', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-6312-7e1e-a514-0b271ffc47b2', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831634839, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'workflow.created', 'workflow', '01a20194-6312-72be-8276-f266baaaae4f', 'fail', NULL, 1, '127.0.0.1', 'd978a885-70bc-4905-8b2c-10b5dc64d81e', 12, '\xb358e9c6755245b53a20c9edb6d9431f1eb68aa0422f6fb964f614d7674e3d83', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-632e-7b6a-b7fa-7ef3fc7b85d3', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831662405, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'workflow.shared', 'workflow', '01a20194-61ba-72c9-9b95-02d32dd93186', 'pass on', NULL, 1, '127.0.0.1', 'b27d1b8a-ac3c-44fa-9e0c-257f4112c097', 13, '\xcad6d31b7de5d411138a9d76db849613acd8c296cd0d5b372450adabbbec50dc', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-634b-75cd-82fa-b80bc12517e2', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831691693, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'deployment.shared', 'deployment', '01a20194-61cf-7fde-beac-9d8e17afa253', 'pass_on', NULL, 1, '127.0.0.1', 'ecdcd51f-ed9c-4339-9fbe-824fffb3dd5f', 14, '\x18d56952e7a201ad78d3a5b6f16e70bfdc3b16d6ac8f4b152fb0d2e593621762', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-6554-7402-bfc0-93b004017cfd', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322832212634, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'schedule.set', 'workflow', '01a20194-6367-733a-96c9-5433574915fe', 'copy', NULL, 1, '127.0.0.1', '9d741a51-cfed-4fca-b408-26b19c68ed0b', 18, '\x68c31c4f5eb507d6f8d2f9144da41827e4ed9af5983e7226c939fa72f8bd0b1c', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-6561-7c76-9d4d-63483c3d8ae7', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322832225698, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'key.created', 'organization_key', '01a20194-6561-7d1e-a0e9-d7916afeaec6', 'checksummed', NULL, 1, '127.0.0.1', 'a6c9ab9b-2695-4fc4-824d-0d072e0f9fd2', 19, '\x99c53d6a0512c24d7c0412652fa406162b36d05184c95c341a556351762a8f49', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-656e-7a50-a993-33eb55b368db', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322832238149, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'key.rotated', 'organization_key', '01a20194-6561-7d1e-a0e9-d7916afeaec6', 'checksummed', NULL, 1, '127.0.0.1', 'f6bc3c96-58c0-430b-b271-11c82050993b', 20, '\xfc000f4c8ee92a15e4e76888894f6bb8b27a3d5916177aa9317eed24dcd198ee', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-6594-70ad-ab96-742e3cf0085b', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322832276256, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'key.created', 'organization_key', '01a20194-6594-72e7-8b8e-f1669d32d956', 'prefix_secret', NULL, 1, '127.0.0.1', '861c5797-0bcb-464a-9d7a-e58ff0e3f07a', 21, '\x1d6988a721d4c89a6f05c7694d202dd6b6eb7f3abe3a1c3b7a7f971b75b23dd9', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-65c7-74e8-8642-ee1ea4afe3d3', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322832327595, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'key.created', 'organization_key', '01a20194-65c7-749b-a039-27c3a9421477', 'revoked', NULL, 1, '127.0.0.1', '07fc7d29-b841-42d7-9223-c7024761f77e', 22, '\x3e71559a1cdfc5565c98f4cd2755b3cd0737e9985200f88a2f361195728316a3', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-65f5-72a8-b323-f0e2b1bfb0e1', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322832373210, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'key.revoked', 'organization_key', '01a20194-65c7-749b-a039-27c3a9421477', 'revoked', 'left on a train', 1, '127.0.0.1', '50131c1c-2b7e-40ac-a770-3c2fb35e51d8', 23, '\x5e626b05f7d0addac4928a8e07013f549ec05f162f2855761193f1269ef1ffd9', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-6628-72f6-810d-af0db2dcd392', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322832424275, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'key.imported', 'organization_key', '01a20194-6628-773f-ad23-f008fc415856', 'foreign', NULL, 1, '127.0.0.1', '1f141be1-73b0-4920-a718-d53933b1bc4b', 24, '\xfa09fb4726632e6c12ea2b1b436c0a87e54352d1a0ab36297895bb0be325d1d7', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-6628-7447-884d-df6a71a2b1e2', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322832424275, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'key.imported', 'organization_key', '01a20194-6628-7f89-9c31-1cdf651608b0', 'salted', NULL, 1, '127.0.0.1', '1f141be1-73b0-4920-a718-d53933b1bc4b', 25, '\xdedb5df9392cb66430a1639a7eb50336f00b673217f856b8fd39d34a10835adc', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-6372-7c58-801d-8b3a8708a7e4', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831730852, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'deployment.created', 'deployment', '01a20194-6372-75d2-8838-de443486eace', 'copy', NULL, 1, '127.0.0.1', '4f111f51-aa64-44c3-96d1-73340914e3d7', 16, '\x308310028f91b2093af3bef392c2f459b9f79930843d6cbf5081465782c4b606', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-6372-7f5e-8416-852f0cad1a92', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322831730852, 'platform_key', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 'Key #1', 'key.created', 'deployment_key', '01a20194-6372-79ec-81d7-32d18b16e9f4', 'First key of copy', NULL, 1, '127.0.0.1', '4f111f51-aa64-44c3-96d1-73340914e3d7', 17, '\x2c6c9e06084a5b8a3854f78b9e39760878d0c69bdc398c41ff4b85659fa9a45f', '55522f49c1dd5526');
INSERT INTO audit_entries VALUES ('01a20194-7923-74d3-afa5-577727aad778', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1795322837283850, 'user', '01a20194-57cc-7388-8dd6-b3b695177041', 'ada', 'member.invited', 'invitation', '01a20194-7923-7376-aa6d-f26f8e8405e7', 'cyn@example.com', NULL, 1, '127.0.0.1', '2e196dc7-15b7-4176-9a97-95acc7054993', 26, '\xb19479133e2b9f6fa2e6c91a1abd5ed2f77bf44c2d789d76f7e361087fc8c14e', '55522f49c1dd5526');
INSERT INTO audit_heads VALUES ('01a20194-58da-7830-b459-098f8d0911a7', 1, '\x53acc4dca988b942da6952c78ed564cbdc1572bccc8684c9b180431dac820ceb', 0, '\x0000000000000000000000000000000000000000000000000000000000000000', '55522f49c1dd5526', '\x28642b3992c1d396cf18f09a3fb301c05009671ca4fb84ce24aa94cd6553aeb6');
INSERT INTO audit_heads VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 26, '\xb19479133e2b9f6fa2e6c91a1abd5ed2f77bf44c2d789d76f7e361087fc8c14e', 0, '\x0000000000000000000000000000000000000000000000000000000000000000', '55522f49c1dd5526', '\xbd70469a435518ae5e87c1af36a0bdcef8ade99a1db8719ddf557ad0b8dc793b');
INSERT INTO audit_marks VALUES ('01a20194-58da-7830-b459-098f8d0911a7', 1);
INSERT INTO audit_marks VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 26);
INSERT INTO audit_totals VALUES (1, 27, '\x3857715b910a28170fe213df4659642a92ac56db65e0333b7b68dc588fa82df6', '55522f49c1dd5526');
INSERT INTO deliveries VALUES ('01a20194-6103-759c-b30a-d3c25c3471e7', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6103-72de-a265-e080bb21be93', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322837607475, '[{"at":1795322831724827,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":2}]', 1795322831107575, NULL);
INSERT INTO deliveries VALUES ('01a20194-61cf-779d-a1b2-f366974eb710', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-61cf-7c3f-ba72-d6759a58de9d', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322837046763, '[{"at":1795322831725664,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":1}]', 1795322831311433, NULL);
INSERT INTO deliveries VALUES ('01a20194-626a-7ca2-8120-f3deea606225', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-626a-75b7-9cfa-ce180e3939e6', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322837652264, '[{"at":1795322831726375,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]', 1795322831466075, NULL);
INSERT INTO deliveries VALUES ('01a20194-6338-7391-89bb-4df5d63bffc0', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6338-711a-9764-b1a2e0ec6ba2', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322837793657, '[{"at":1795322831828134,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]', 1795322831672320, NULL);
INSERT INTO deliveries VALUES ('01a20194-6372-7f0e-99ca-0a4dd79e5a2f', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6372-73f8-a121-87434f2e18e9', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322837744670, '[{"at":1795322831939852,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]', 1795322831730852, NULL);
INSERT INTO deliveries VALUES ('01a20194-649f-7014-bc32-c16116c9d7b7', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-649f-7c52-af38-25113ae9e97a', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322838721014, '[{"at":1795322832718739,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]', 1795322832031977, NULL);
INSERT INTO deliveries VALUES ('01a20194-6561-7133-a979-5689d482b867', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6561-779e-a6b9-d52ab83eb674', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322837970447, '[{"at":1795322832744705,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]', 1795322832225698, NULL);
INSERT INTO deliveries VALUES ('01a20194-656e-7c55-86fb-d091bf8cb33a', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-656e-7ddb-ab9f-fd9ead7857f2', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322837948486, '[{"at":1795322832762176,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":1}]', 1795322832238149, NULL);
INSERT INTO deliveries VALUES ('01a20194-6594-79ba-8de5-2a0139c8b9f4', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6594-787b-b2a5-28f1601bd34c', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322838164679, '[{"at":1795322832766844,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]', 1795322832276256, NULL);
INSERT INTO deliveries VALUES ('01a20194-65c7-7fb3-91b1-b740b18a3608', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-65c7-78a6-8893-7db71025bed1', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322837957327, '[{"at":1795322832786620,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]', 1795322832327595, NULL);
INSERT INTO deliveries VALUES ('01a20194-65f5-7293-a273-d5e1f3b424f5', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-65f5-75de-8f5d-c6b1a6458268', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322837926881, '[{"at":1795322832820016,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]', 1795322832373210, NULL);
INSERT INTO deliveries VALUES ('01a20194-6628-7c56-9667-a5b9d60729c5', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6628-7e55-b390-a9f9d90d6d1a', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322838835964, '[{"at":1795322832912972,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]', 1795322832424275, NULL);
INSERT INTO deliveries VALUES ('01a20194-6628-7c4b-8cf2-cb703b60cc87', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6628-783b-b052-4482196c05e2', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 1, 1795322838131396, '[{"at":1795322832933430,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]', 1795322832424275, NULL);
INSERT INTO deliveries VALUES ('01a20194-6218-72c5-8ddd-7eb785e55faf', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6218-7fe7-b6ab-cfba0d693411', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 2, 1795323142657588, '[{"at":1795322831726054,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0},{"at":1795322837004689,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]', 1795322831384246, NULL);
INSERT INTO deliveries VALUES ('01a20194-7923-7152-aa09-3795262994dd', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-7923-71b4-99c0-8cee95c7679a', '01a20194-60a8-7727-81d5-ca20c83e563c', NULL, '01a20194-60a8-7727-81d5-ca20c83e563c', 'PENDING', 0, 1795322837299557, '[]', 1795322837283850, NULL);
INSERT INTO deliveries VALUES ('01a20194-7923-7c12-9d5c-d2decf254ad2', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-7923-71b4-99c0-8cee95c7679a', NULL, 'cyn@example.com', 'mail', 'PENDING', 0, 1795322837300315, '[]', 1795322837283850, NULL);
INSERT INTO deployment_shares VALUES ('01a20194-617f-7acd-aff6-966ed277fe84', '01a20194-61cf-7fde-beac-9d8e17afa253', '01a20194-57cc-7123-8429-3a1d0c1f7d78');
INSERT INTO deployments VALUES ('01a20194-61cf-7fde-beac-9d8e17afa253', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-61ba-72c9-9b95-02d32dd93186', 'TASK', 'pass_on', '', '', true, '{"a":1}', 300, NULL, false, '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322831311433, 1795322831311433, NULL, 1000, '["127.0.0.0/8"]', 10485760, '{"type":"object"}', 104857600, false);
INSERT INTO deployments VALUES ('01a20194-6372-75d2-8838-de443486eace', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6367-733a-96c9-5433574915fe', 'ETL', 'copy', '', '', true, '{}', 300, 20, false, '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322831730852, 1795322831730852, NULL, 100, '[]', 10485760, NULL, 104857600, false);
INSERT INTO events VALUES ('01a20194-6103-72de-a265-e080bb21be93', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'member.invited', 1795322831107575, '{"invitation_id":"01a20194-6103-7d6d-a0e5-69226fab09bc","email":"bea@example.com","role":"user","invited_by":"ada","expires_at":"2026-11-25T04:47:11.107Z"}');
INSERT INTO events VALUES ('01a20194-61cf-7c3f-ba72-d6759a58de9d', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.created', 1795322831311433, '{"key_id":"01a20194-61cf-75fe-890f-770401c72da7","kind":"deployment","name":"First key of pass_on","deployment_id":"01a20194-61cf-7fde-beac-9d8e17afa253","hint":"unst_…U3j4","expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-57cc-7e1f-ac4c-ac0f033a45cb","name":"Key #1"}}');
INSERT INTO events VALUES ('01a20194-6218-7fe7-b6ab-cfba0d693411', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'execution.completed', 1795322831384246, '{"execution_id":"01a20194-6208-7950-8254-6943afc132e7","workflow_id":"01a20194-61ba-72c9-9b95-02d32dd93186","deployment_id":"01a20194-61cf-7fde-beac-9d8e17afa253","api_name":"pass_on","trigger":"CALL","key_id":"01a20194-61cf-75fe-890f-770401c72da7","status":"COMPLETED","created_at":"2026-11-22T04:47:11.368Z","started_at":"2026-11-22T04:47:11.368Z","finished_at":"2026-11-22T04:47:11.384Z","execution_ms":15,"error":null}');
INSERT INTO events VALUES ('01a20194-626a-75b7-9cfa-ce180e3939e6', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'execution.completed', 1795322831466075, '{"execution_id":"01a20194-624f-7d9d-8c58-9d066a260ce9","workflow_id":"01a20194-61ba-72c9-9b95-02d32dd93186","deployment_id":"01a20194-61cf-7fde-beac-9d8e17afa253","api_name":"pass_on","trigger":"CALL","key_id":"01a20194-61cf-75fe-890f-770401c72da7","status":"COMPLETED","created_at":"2026-11-22T04:47:11.439Z","started_at":"2026-11-22T04:47:11.439Z","finished_at":"2026-11-22T04:47:11.466Z","execution_ms":26,"error":null}');
INSERT INTO events VALUES ('01a20194-6338-711a-9764-b1a2e0ec6ba2', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'execution.failed', 1795322831672320, '{"execution_id":"01a20194-6329-70ff-8cb7-c828583b2d56","workflow_id":"01a20194-6312-72be-8276-f266baaaae4f","deployment_id":null,"api_name":null,"trigger":"TEST","key_id":null,"status":"ERROR","created_at":"2026-11-22T04:47:11.657Z","started_at":"2026-11-22T04:47:11.657Z","finished_at":"2026-11-22T04:47:11.672Z","execution_ms":15,"error":{"code":"step_failed","step":"b","reason":"\"thirteen\""}}');
INSERT INTO events VALUES ('01a20194-6372-73f8-a121-87434f2e18e9', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.created', 1795322831730852, '{"key_id":"01a20194-6372-79ec-81d7-32d18b16e9f4","kind":"deployment","name":"First key of copy","deployment_id":"01a20194-6372-75d2-8838-de443486eace","hint":"unst_…_HMs","expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-57cc-7e1f-ac4c-ac0f033a45cb","name":"Key #1"}}');
INSERT INTO events VALUES ('01a20194-649f-7c52-af38-25113ae9e97a', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'execution.completed', 1795322832031977, '{"execution_id":"01a20194-63a4-71c9-a942-05369402889a","workflow_id":"01a20194-6367-733a-96c9-5433574915fe","deployment_id":"01a20194-6372-75d2-8838-de443486eace","api_name":"copy","trigger":"CALL","key_id":"01a20194-6372-79ec-81d7-32d18b16e9f4","status":"COMPLETED","created_at":"2026-11-22T04:47:11.780Z","started_at":"2026-11-22T04:47:11.780Z","finished_at":"2026-11-22T04:47:12.031Z","execution_ms":251,"error":null}');
INSERT INTO events VALUES ('01a20194-6561-779e-a6b9-d52ab83eb674', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.created', 1795322832225698, '{"key_id":"01a20194-6561-7d1e-a0e9-d7916afeaec6","kind":"organization","name":"checksummed","deployment_id":null,"hint":"kw_live_…iGZW","expires_at":"2036-11-19T04:47:12.225Z","actor":{"kind":"platform_key","id":"01a20194-57cc-7e1f-ac4c-ac0f033a45cb","name":"Key #1"}}');
INSERT INTO events VALUES ('01a20194-656e-7ddb-ab9f-fd9ead7857f2', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.rotated', 1795322832238149, '{"key_id":"01a20194-6561-7d1e-a0e9-d7916afeaec6","kind":"organization","name":"checksummed","deployment_id":null,"hint":"kw_live_…I5En","expires_at":"2036-11-19T04:47:12.238Z","actor":{"kind":"platform_key","id":"01a20194-57cc-7e1f-ac4c-ac0f033a45cb","name":"Key #1"}}');
INSERT INTO events VALUES ('01a20194-6594-787b-b2a5-28f1601bd34c', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.created', 1795322832276256, '{"key_id":"01a20194-6594-72e7-8b8e-f1669d32d956","kind":"organization","name":"prefix_secret","deployment_id":null,"hint":"fF5CuCo3.…CHxt","expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-57cc-7e1f-ac4c-ac0f033a45cb","name":"Key #1"}}');
INSERT INTO events VALUES ('01a20194-65c7-78a6-8893-7db71025bed1', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.created', 1795322832327595, '{"key_id":"01a20194-65c7-749b-a039-27c3a9421477","kind":"organization","name":"revoked","deployment_id":null,"hint":"kw_live_…T3d3","expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-57cc-7e1f-ac4c-ac0f033a45cb","name":"Key #1"}}');
INSERT INTO events VALUES ('01a20194-65f5-75de-8f5d-c6b1a6458268', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.revoked', 1795322832373210, '{"key_id":"01a20194-65c7-749b-a039-27c3a9421477","kind":"organization","name":"revoked","deployment_id":null,"hint":"kw_live_…T3d3","expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-57cc-7e1f-ac4c-ac0f033a45cb","name":"Key #1"},"reason":"left on a train"}');
INSERT INTO events VALUES ('01a20194-6628-7e55-b390-a9f9d90d6d1a', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.created', 1795322832424275, '{"key_id":"01a20194-6628-773f-ad23-f008fc415856","kind":"organization","name":"foreign","deployment_id":null,"hint":null,"expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-57cc-7e1f-ac4c-ac0f033a45cb","name":"Key #1"}}');
INSERT INTO events VALUES ('01a20194-6628-783b-b052-4482196c05e2', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.created', 1795322832424275, '{"key_id":"01a20194-6628-7f89-9c31-1cdf651608b0","kind":"organization","name":"salted","deployment_id":null,"hint":null,"expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-57cc-7e1f-ac4c-ac0f033a45cb","name":"Key #1"}}');
INSERT INTO events VALUES ('01a20194-7923-71b4-99c0-8cee95c7679a', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'member.invited', 1795322837283850, '{"invitation_id":"01a20194-7923-7376-aa6d-f26f8e8405e7","email":"cyn@example.com","role":"admin","invited_by":"ada","expires_at":"2026-11-25T04:47:17.283Z"}');
INSERT INTO execution_files VALUES ('01a20194-6243-7c0f-af5d-8c870bf0150c', '01a20194-624f-7d9d-8c58-9d066a260ce9', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 0, 'a.txt', 'text/plain', 7, 'ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73', true);
INSERT INTO execution_records VALUES ('01a20194-63a4-71c9-a942-05369402889a', 20, 20, 0, '[20,20,0,{"object":"in/a.ndjson","index":20,"failures":[]}]');
INSERT INTO execution_steps VALUES ('01a20194-6208-7950-8254-6943afc132e7', 0, 'a', 1795322831384048, 1795322831384155, '{"n":1}', NULL, 0, 'SUCCEEDED', 0, 0, 0, '[]');
INSERT INTO execution_steps VALUES ('01a20194-624f-7d9d-8c58-9d066a260ce9', 0, 'a', 1795322831465952, 1795322831465994, '{}', NULL, 0, 'SUCCEEDED', 0, 0, 0, '[]');
INSERT INTO execution_steps VALUES ('01a20194-6329-70ff-8cb7-c828583b2d56', 0, 'b', 1795322831658568, 1795322831672181, NULL, '"thirteen"', 0, 'FAILED', 0, 0, 0, '[]');
INSERT INTO executions VALUES ('01a20194-6208-7950-8254-6943afc132e7', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-61cf-7fde-beac-9d8e17afa253', '01a20194-61c0-7cfc-b19a-a34175ad8011', '01a20194-61cf-75fe-890f-770401c72da7', 'COMPLETED', 1, 0, NULL, 300, 1, 1, '{"n":1}', '{"a":1}', '{"n":1}', NULL, NULL, NULL, 1795322831368874, 1795322831368874, 1795322831384246, true, NULL, 'CALL', NULL, false, '01a20194-61ba-72c9-9b95-02d32dd93186');
INSERT INTO executions VALUES ('01a20194-624f-7d9d-8c58-9d066a260ce9', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-61cf-7fde-beac-9d8e17afa253', '01a20194-61c0-7cfc-b19a-a34175ad8011', '01a20194-61cf-75fe-890f-770401c72da7', 'COMPLETED', 1, 0, NULL, 300, 1, 1, '{}', '{"a":1}', '{}', NULL, NULL, NULL, 1795322831439911, 1795322831439911, 1795322831466075, true, NULL, 'CALL', NULL, false, '01a20194-61ba-72c9-9b95-02d32dd93186');
INSERT INTO executions VALUES ('01a20194-6329-70ff-8cb7-c828583b2d56', '01a20194-57cc-7123-8429-3a1d0c1f7d78', NULL, '01a20194-6312-7869-93f4-41d7c4453c62', NULL, 'ERROR', 1, 0, NULL, 300, 1, 0, '{"a":13}', '{}', NULL, 'step_failed', 'b', '"thirteen"', 1795322831657020, 1795322831657020, 1795322831672320, true, NULL, 'TEST', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', false, '01a20194-6312-72be-8276-f266baaaae4f');
INSERT INTO executions VALUES ('01a20194-63a4-71c9-a942-05369402889a', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6372-75d2-8838-de443486eace', '01a20194-6367-7890-80e4-1bf8387eaae1', '01a20194-6372-79ec-81d7-32d18b16e9f4', 'COMPLETED', 1, 0, NULL, 300, 1, 0, '{}', '{}', '{"read":20,"written":20,"failed":0,"failures":[]}', NULL, NULL, NULL, 1795322831780689, 1795322831780689, 1795322832031977, true, NULL, 'CALL', NULL, false, '01a20194-6367-733a-96c9-5433574915fe');
INSERT INTO executions VALUES ('01a20194-79fb-7530-bed2-dea5e33260eb', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-61cf-7fde-beac-9d8e17afa253', '01a20194-61c0-7cfc-b19a-a34175ad8011', '01a20194-61cf-75fe-890f-770401c72da7', 'PENDING', 0, 0, NULL, 300, 1, 0, '{"n":2}', '{"a":1}', NULL, NULL, NULL, NULL, 1795322837499786, NULL, NULL, true, NULL, 'CALL', NULL, false, '01a20194-61ba-72c9-9b95-02d32dd93186');
INSERT INTO idempotency_records VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '\xb8a8a37288547d655d3a65a276887aefb2355cb0a358e89d3e67194bc18bd2f2', '\x8ab9dc61322226fced11b571b8dc5ad9f2f3ac73fb7951c74f60ad5077296c94', '01a20194-6208-7950-8254-6943afc132e7', NULL, 1795322831368874);
INSERT INTO imported_secrets VALUES ('01a20194-6628-773f-ad23-f008fc415856', 'sha256', '\x3136a91039844cac7cce1bdd620844b1ae36c54da45cfe6ab90076d3834b6191', 'from', NULL, NULL, 1795322832424275, NULL);
INSERT INTO imported_secrets VALUES ('01a20194-6628-7f89-9c31-1cdf651608b0', 'pbkdf2_sha256', '\x030235e3b1cfd2e0b05760c015cd10795eba663f2e87cb72e778be778d3d84d1', 'abcdefgh', 'salt', 1000, 1795322832424275, NULL);
INSERT INTO invitations VALUES ('01a20194-6103-7d6d-a0e5-69226fab09bc', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'bea@example.com', 'user', false, '01a20194-57cc-7388-8dd6-b3b695177041', 'ada', 1795322831107575, 1795582031107575, 1795322831231466, NULL);
INSERT INTO invitations VALUES ('01a20194-7923-7376-aa6d-f26f8e8405e7', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'cyn@example.com', 'admin', true, '01a20194-57cc-7388-8dd6-b3b695177041', 'ada', 1795322837283850, 1795582037283850, NULL, NULL);
INSERT INTO key_changes VALUES ('01a20194-57cc-7e1f-ac4c-ac0f033a45cb', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1);
INSERT INTO key_changes VALUES ('01a20194-6061-73b6-8ca6-f5f3cdc58b79', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 1);
INSERT INTO key_changes VALUES ('01a20194-61cf-75fe-890f-770401c72da7', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 2);
INSERT INTO key_changes VALUES ('01a20194-6372-79ec-81d7-32d18b16e9f4', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 3);
INSERT INTO key_changes VALUES ('01a20194-6561-7d1e-a0e9-d7916afeaec6', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 5);
INSERT INTO key_changes VALUES ('01a20194-6594-72e7-8b8e-f1669d32d956', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 6);
INSERT INTO key_changes VALUES ('01a20194-65c7-749b-a039-27c3a9421477', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 8);
INSERT INTO key_changes VALUES ('01a20194-6628-773f-ad23-f008fc415856', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 9);
INSERT INTO key_changes VALUES ('01a20194-6628-7f89-9c31-1cdf651608b0', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 9);
INSERT INTO key_secrets VALUES ('\xe9f7ad309178ebdbc41065bd30b27baa26673bfda13451a4a9395e3ef23d5a25', '01a20194-58da-74ac-a6fe-0d34a10fc895', '55522f49c1dd5526', '1499493dec5a2005', '…07b2', 1795322829018561, NULL, NULL);
INSERT INTO key_secrets VALUES ('\xf52100ce82b16e8c19143645bddf1adf4a0a788564d890f18ccc7e0d844e07e1', '01a20194-6061-73b6-8ca6-f5f3cdc58b79', '55522f49c1dd5526', 'd71d014da1c85b70', '…5fa8', 1795322830945301, NULL, NULL);
INSERT INTO key_secrets VALUES ('\x785b2501e9ae2db917004891f694585a181d3d97bf37bf4db3b6151f3c759ce5', '01a20194-6561-7d1e-a0e9-d7916afeaec6', '55522f49c1dd5526', 'f25aabb7f297aa74', 'kw_live_…iGZW', 1795322832225698, 1797914832238149, NULL);
INSERT INTO key_secrets VALUES ('\xfcb095663588cf4b66074703245b6e471e7298ade1b33debecae702ab48d62bf', '01a20194-6561-7d1e-a0e9-d7916afeaec6', '55522f49c1dd5526', '8ba1a4784969d6cc', 'kw_live_…I5En', 1795322832238149, NULL, NULL);
INSERT INTO key_secrets VALUES ('\xa29f225f2bda92475995f2cb7b970915cccf8e48d54d2bf8b509ced0839ab48a', '01a20194-65c7-749b-a039-27c3a9421477', '55522f49c1dd5526', '8c9258221c380b38', 'kw_live_…T3d3', 1795322832327595, NULL, NULL);
INSERT INTO key_secrets VALUES ('\xf58ab7e32b7291ed283cb2d3191f2276d875946920b91abe23d103673e3f1e14', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', '55522f49c1dd5526', 'a5b4e0cd004d0010', '…7854', 1795322828748903, NULL, 1795322832495645);
INSERT INTO key_secrets VALUES ('\xc32b4e043f3a04479899621a3e7919e04a06bf2f3339198a267898043b2923e1', '01a20194-6372-79ec-81d7-32d18b16e9f4', '55522f49c1dd5526', 'dffef6a05fcebfbd', 'unst_…_HMs', 1795322831730852, NULL, 1795322831776140);
INSERT INTO key_secrets VALUES ('\x6dce51ef2c70035dd96217492e007d55edca8aecac9e8379dd86cf30ce170221', '01a20194-6594-72e7-8b8e-f1669d32d956', '55522f49c1dd5526', '8c1cdbf8d19ce8a9', 'fF5CuCo3.…CHxt', 1795322832276256, NULL, 1795322832492888);
INSERT INTO key_secrets VALUES ('\x3c4984d338bc9814cc5bf4752758fb601b6ccbbcb6439e650062b348f4189992', '01a20194-61cf-75fe-890f-770401c72da7', '55522f49c1dd5526', 'ce570d078112abd9', 'unst_…U3j4', 1795322831311433, NULL, 1795322837333775);
INSERT INTO keys VALUES ('01a20194-57cc-7e1f-ac4c-ac0f033a45cb', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'platform', NULL, 1, '', NULL, NULL, NULL, NULL, NULL, 1795322828748903, NULL, '[]', NULL, '[]', '{}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO keys VALUES ('01a20194-58da-74ac-a6fe-0d34a10fc895', '01a20194-58da-7830-b459-098f8d0911a7', 'platform', NULL, 1, '', NULL, NULL, NULL, NULL, NULL, 1795322829018561, NULL, '[]', NULL, '[]', '{}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO keys VALUES ('01a20194-6061-73b6-8ca6-f5f3cdc58b79', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'platform', NULL, 2, '', NULL, NULL, NULL, NULL, '01a20194-57cc-7388-8dd6-b3b695177041', 1795322830945301, NULL, '[]', NULL, '[]', '{}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO keys VALUES ('01a20194-61cf-75fe-890f-770401c72da7', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'deployment', '01a20194-61cf-7fde-beac-9d8e17afa253', NULL, 'First key of pass_on', true, NULL, NULL, NULL, '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322831311433, NULL, '[]', NULL, '[]', '{}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO keys VALUES ('01a20194-6372-79ec-81d7-32d18b16e9f4', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'deployment', '01a20194-6372-75d2-8838-de443486eace', NULL, 'First key of copy', true, NULL, NULL, NULL, '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322831730852, NULL, '[]', NULL, '[]', '{}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO keys VALUES ('01a20194-6594-72e7-8b8e-f1669d32d956', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'organization', NULL, NULL, '', true, NULL, NULL, NULL, '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322832276256, 'prefix_secret', '[]', 1000, '["127.0.0.0/8"]', '{}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO keys VALUES ('01a20194-65c7-749b-a039-27c3a9421477', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'organization', NULL, NULL, '', true, NULL, 1795322832373210, NULL, '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322832327595, 'revoked', '[]', NULL, '[]', '{}', NULL, 'left on a train', NULL, NULL, NULL, NULL);
INSERT INTO keys VALUES ('01a20194-6628-773f-ad23-f008fc415856', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'organization', NULL, NULL, '', true, NULL, NULL, NULL, '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322832424275, 'foreign', '[]', NULL, '[]', '{}', NULL, NULL, 'b496d6b7b9e9d26b', NULL, NULL, NULL);
INSERT INTO keys VALUES ('01a20194-6628-7f89-9c31-1cdf651608b0', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'organization', NULL, NULL, '', true, NULL, NULL, NULL, '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322832424275, 'salted', '[]', NULL, '[]', '{}', NULL, NULL, '74b27c8ca3d4f71b', NULL, NULL, NULL);
INSERT INTO keys VALUES ('01a20194-6561-7d1e-a0e9-d7916afeaec6', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'organization', NULL, NULL, '', true, 2110682832238149, NULL, NULL, '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322832225698, 'checksummed', '["inference:read","orders:write"]', NULL, '[]', '{"team":"a"}', 315360000000000, NULL, NULL, 1795322832711911, 2109473232238149, NULL);
INSERT INTO memberships VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-57cc-7388-8dd6-b3b695177041', 'admin', 1795322828748903);
INSERT INTO memberships VALUES ('01a20194-58da-7830-b459-098f8d0911a7', '01a20194-58da-7e36-8cf5-1788a5d89de9', 'admin', 1795322829018561);
INSERT INTO memberships VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-617f-7acd-aff6-966ed277fe84', 'user', 1795322831231466);
INSERT INTO organization_secrets VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'TOKEN', '87bd07bdab365643', '\x2273b3f107ce8dbacdca528731af7daf946bba88a62a0708d462bccd735f434bdc4ce1313a830cbf392ed7ae02d43b07b77727d814a98d5b36c3740335a53912d5', 1795322831075598, '01a20194-57cc-7388-8dd6-b3b695177041', 'ada');
INSERT INTO organizations VALUES ('01a20194-58da-7830-b459-098f8d0911a7', 'other', 'Other', 1, 1795322829018561, 'token', 'kw', NULL, NULL, NULL, '[14,7,1]', true, 0);
INSERT INTO organizations VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'acme', 'Acme Käse 🧀', 1, 1795322828748903, 'token', 'kw', NULL, NULL, NULL, '[14,7,1]', true, 9);
INSERT INTO schedules VALUES ('01a20194-6367-733a-96c9-5433574915fe', '01a20194-57cc-7123-8429-3a1d0c1f7d78', '0 3 * * *', true, 3600, '{"n":1}', '{}', 1795402800000000, NULL, NULL, NULL, 1795322832212634);
INSERT INTO sessions VALUES ('01a20194-6033-75cb-a3ca-eb5d4b3118a7', '01a20194-57cc-7388-8dd6-b3b695177041', '\xe94796cd1ffa080e82f9b8e2c7a45abfa72a1f65e8e9d6b54b9def0d0bb3c6a4', 1795322830899125, 1795322830899125, '127.0.0.1', '');
INSERT INTO sessions VALUES ('01a20194-6192-7816-b083-55dacb7a2407', '01a20194-617f-7acd-aff6-966ed277fe84', '\xffe112c854fdfb63b5ff84459ff2f027bff8d015da42f0c325421a24dd608060', 1795322831250374, 1795322831250374, '127.0.0.1', '');
INSERT INTO sessions VALUES ('01a20194-78de-7119-adf0-464193dd6089', '01a20194-57cc-7388-8dd6-b3b695177041', '\xb0fba6f29b3368806d25565517a2222b01eb1ead20f7a0a9dc07534a6d91dc7b', 1795322837214014, 1795322837214014, '127.0.0.1', '');
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '', 'executions.failed', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '', 'execution_ms', 15);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '', 'execution_ms.15', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '01a20194-61cf-7fde-beac-9d8e17afa253', 'executions.completed', 2);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '01a20194-61cf-7fde-beac-9d8e17afa253', 'execution_ms', 41);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '01a20194-61cf-7fde-beac-9d8e17afa253', 'execution_ms.15', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '01a20194-61cf-7fde-beac-9d8e17afa253', 'execution_ms.21', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '', 'executions.failed', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '', 'execution_ms', 15);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '', 'execution_ms.15', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '01a20194-61cf-7fde-beac-9d8e17afa253', 'executions.completed', 2);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '01a20194-61cf-7fde-beac-9d8e17afa253', 'execution_ms', 41);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '01a20194-61cf-7fde-beac-9d8e17afa253', 'execution_ms.15', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '01a20194-61cf-7fde-beac-9d8e17afa253', 'execution_ms.21', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '', 'executions.failed', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '', 'execution_ms', 15);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '', 'execution_ms.15', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '01a20194-61cf-7fde-beac-9d8e17afa253', 'executions.completed', 2);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '01a20194-61cf-7fde-beac-9d8e17afa253', 'execution_ms', 41);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '01a20194-61cf-7fde-beac-9d8e17afa253', 'execution_ms.15', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '01a20194-61cf-7fde-beac-9d8e17afa253', 'execution_ms.21', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '', 'succeeded', 21);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '', 'verifications', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '01a20194-6372-75d2-8838-de443486eace', 'succeeded', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '01a20194-6372-75d2-8838-de443486eace', 'executions.completed', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '01a20194-6372-75d2-8838-de443486eace', 'execution_ms', 251);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '01a20194-6372-75d2-8838-de443486eace', 'execution_ms.47', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '', 'succeeded', 21);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '', 'verifications', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '01a20194-6372-75d2-8838-de443486eace', 'succeeded', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '01a20194-6372-75d2-8838-de443486eace', 'executions.completed', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '01a20194-6372-75d2-8838-de443486eace', 'execution_ms', 251);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '01a20194-6372-75d2-8838-de443486eace', 'execution_ms.47', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '', 'succeeded', 21);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '', 'verifications', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '01a20194-6372-75d2-8838-de443486eace', 'succeeded', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '01a20194-6372-75d2-8838-de443486eace', 'executions.completed', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '01a20194-6372-75d2-8838-de443486eace', 'execution_ms', 251);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '01a20194-6372-75d2-8838-de443486eace', 'execution_ms.47', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 0, 1795322820, '', 'succeeded', 21);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1, 1795320000, '', 'succeeded', 21);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 2, 1795305600, '', 'succeeded', 21);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-61cf-75fe-890f-770401c72da7', 0, 1795322820, '01a20194-61cf-7fde-beac-9d8e17afa253', 'executions.completed', 2);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-61cf-75fe-890f-770401c72da7', 1, 1795320000, '01a20194-61cf-7fde-beac-9d8e17afa253', 'executions.completed', 2);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-61cf-75fe-890f-770401c72da7', 2, 1795305600, '01a20194-61cf-7fde-beac-9d8e17afa253', 'executions.completed', 2);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6372-79ec-81d7-32d18b16e9f4', 0, 1795322820, '01a20194-6372-75d2-8838-de443486eace', 'succeeded', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6372-79ec-81d7-32d18b16e9f4', 0, 1795322820, '01a20194-6372-75d2-8838-de443486eace', 'executions.completed', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6372-79ec-81d7-32d18b16e9f4', 1, 1795320000, '01a20194-6372-75d2-8838-de443486eace', 'succeeded', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6372-79ec-81d7-32d18b16e9f4', 1, 1795320000, '01a20194-6372-75d2-8838-de443486eace', 'executions.completed', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6372-79ec-81d7-32d18b16e9f4', 2, 1795305600, '01a20194-6372-75d2-8838-de443486eace', 'succeeded', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 0, 1795322820, '01a20194-61cf-7fde-beac-9d8e17afa253', 'succeeded', 3);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 1, 1795320000, '01a20194-61cf-7fde-beac-9d8e17afa253', 'succeeded', 3);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '', 2, 1795305600, '01a20194-61cf-7fde-beac-9d8e17afa253', 'succeeded', 3);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6372-79ec-81d7-32d18b16e9f4', 2, 1795305600, '01a20194-6372-75d2-8838-de443486eace', 'executions.completed', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6594-72e7-8b8e-f1669d32d956', 0, 1795322820, '', 'verifications', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6594-72e7-8b8e-f1669d32d956', 1, 1795320000, '', 'verifications', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-6594-72e7-8b8e-f1669d32d956', 2, 1795305600, '', 'verifications', 1);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-61cf-75fe-890f-770401c72da7', 0, 1795322820, '01a20194-61cf-7fde-beac-9d8e17afa253', 'succeeded', 3);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-61cf-75fe-890f-770401c72da7', 1, 1795320000, '01a20194-61cf-7fde-beac-9d8e17afa253', 'succeeded', 3);
INSERT INTO usage VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', '01a20194-61cf-75fe-890f-770401c72da7', 2, 1795305600, '01a20194-61cf-7fde-beac-9d8e17afa253', 'succeeded', 3);
INSERT INTO usage_writers VALUES ('01a20194-59d7-776c-ab33-201f6c73e906', 3, 1795322835);
INSERT INTO usage_writers VALUES ('01a20194-70e1-7a72-bfce-2c6e5ed3acf9', 1, 1795322837);
INSERT INTO users VALUES ('01a20194-57cc-7388-8dd6-b3b695177041', 'ada', 'ada@example.com', '$argon2id$v=19$m=19456,t=2,p=1$87XdKJZt8UyTewvidCIT5w$4AKVce7EbVZR7npldUQFX2uyZJ3th46zX82/HtTod1k', 1795322828748903, NULL);
INSERT INTO users VALUES ('01a20194-58da-7e36-8cf5-1788a5d89de9', 'otto', NULL, '$argon2id$v=19$m=19456,t=2,p=1$n1jj2Lb7GZzrKs0OdVCliw$+UIJC3o1dom7rWDChQ6Ru5I75dcBXQaOY0t3rU0TCic', 1795322829018561, NULL);
INSERT INTO users VALUES ('01a20194-617f-7acd-aff6-966ed277fe84', 'bea', NULL, '$argon2id$v=19$m=19456,t=2,p=1$sfx8DXNpwi4l0unhr36+iA$V2yoHhpLHCW9T3lq1CGjPt6ptTZfNteNRmu6QNuivJ8', 1795322831231439, NULL);
INSERT INTO webhook_events VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.created', '01a20194-60a8-7727-81d5-ca20c83e563c');
INSERT INTO webhook_events VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.rotated', '01a20194-60a8-7727-81d5-ca20c83e563c');
INSERT INTO webhook_events VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.revoked', '01a20194-60a8-7727-81d5-ca20c83e563c');
INSERT INTO webhook_events VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.expiring', '01a20194-60a8-7727-81d5-ca20c83e563c');
INSERT INTO webhook_events VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.expired', '01a20194-60a8-7727-81d5-ca20c83e563c');
INSERT INTO webhook_events VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'key.limit_reached', '01a20194-60a8-7727-81d5-ca20c83e563c');
INSERT INTO webhook_events VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'execution.completed', '01a20194-60a8-7727-81d5-ca20c83e563c');
INSERT INTO webhook_events VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'execution.failed', '01a20194-60a8-7727-81d5-ca20c83e563c');
INSERT INTO webhook_events VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'member.invited', '01a20194-60a8-7727-81d5-ca20c83e563c');
INSERT INTO webhook_events VALUES ('01a20194-57cc-7123-8429-3a1d0c1f7d78', 'webhook.disabled', '01a20194-60a8-7727-81d5-ca20c83e563c');
INSERT INTO webhooks VALUES ('01a20194-60a8-7727-81d5-ca20c83e563c', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'http://127.0.0.1:9/hook', '', true, NULL, '87bd07bdab365643', '\x9b2afbba88970225851cc1e55f529f3cd87f70bb93d987eeee1958d39b220017d142f27bc6756401cd9cd6117c5dd00522740fba9a8c1e9f74a016cb4862209d1b2f361938ecb9f9e278817d31a1c3d472eaa25b35b83b251ab0', '87bd07bdab365643', '\xe47f3f02f44ae09a79d697e61405907a327777929b9c08ab1d6e58215563cfd596d5b4b30f2b39b4eed989de1b70fcaaec6b0104a00a89c0d3ef20ff23334392d5add393dc4a64d8d16f43f225f48994c022a08b77299c3a7aed', 1795927631043363, 1795322831724827, '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322831016624, 1795322831043363, NULL);
INSERT INTO workflow_shares VALUES ('01a20194-617f-7acd-aff6-966ed277fe84', '01a20194-61ba-72c9-9b95-02d32dd93186', '01a20194-57cc-7123-8429-3a1d0c1f7d78');
INSERT INTO workflow_versions VALUES ('01a20194-61ba-7904-b924-fe152eb5bda6', '01a20194-61ba-72c9-9b95-02d32dd93186', 1, '{"steps":[{"id":"a","tool":"passthrough"},{"id":"b","tool":"transform","filter":"error(\"thirteen\")"}]}', 1795322831290427);
INSERT INTO workflow_versions VALUES ('01a20194-61c0-7cfc-b19a-a34175ad8011', '01a20194-61ba-72c9-9b95-02d32dd93186', 2, '{"steps":[{"id":"a","tool":"passthrough"}]}', 1795322831296033);
INSERT INTO workflow_versions VALUES ('01a20194-6312-7869-93f4-41d7c4453c62', '01a20194-6312-72be-8276-f266baaaae4f', 1, '{"steps":[{"id":"b","tool":"transform","filter":"error(\"thirteen\")"}]}', 1795322831634839);
INSERT INTO workflow_versions VALUES ('01a20194-6367-7890-80e4-1bf8387eaae1', '01a20194-6367-733a-96c9-5433574915fe', 1, '{"steps":[{"id":"a","tool":"passthrough"}],"source":{"kind":"files","location":"in/*.ndjson","format":"ndjson"},"destination":{"kind":"files","location":"out","format":"json","key":"id"}}', 1795322831719734);
INSERT INTO workflows VALUES ('01a20194-6312-72be-8276-f266baaaae4f', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'fail', '', 'TASK', '01a20194-6312-7869-93f4-41d7c4453c62', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322831634839, 1795322831634839, NULL, false);
INSERT INTO workflows VALUES ('01a20194-61ba-72c9-9b95-02d32dd93186', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'pass on', '', 'TASK', '01a20194-61c0-7cfc-b19a-a34175ad8011', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322831290427, 1795322831296033, NULL, false);
INSERT INTO workflows VALUES ('01a20194-6367-733a-96c9-5433574915fe', '01a20194-57cc-7123-8429-3a1d0c1f7d78', 'copy', '', 'ETL', '01a20194-6367-7890-80e4-1bf8387eaae1', '01a20194-57cc-7e1f-ac4c-ac0f033a45cb', 1795322831719734, 1795322831719734, NULL, false);
ALTER TABLE ONLY __diesel_schema_migrations
    ADD CONSTRAINT __diesel_schema_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY audit_entries
    ADD CONSTRAINT audit_entries_organization_id_seq_key UNIQUE (organization_id, seq);
ALTER TABLE ONLY audit_entries
    ADD CONSTRAINT audit_entries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY audit_heads
    ADD CONSTRAINT audit_heads_pkey PRIMARY KEY (organization_id);
ALTER TABLE ONLY audit_marks
    ADD CONSTRAINT audit_marks_pkey PRIMARY KEY (organization_id);
ALTER TABLE ONLY audit_totals
    ADD CONSTRAINT audit_totals_pkey PRIMARY KEY (id);
ALTER TABLE ONLY deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY deployment_shares
    ADD CONSTRAINT deployment_shares_pkey PRIMARY KEY (user_id, deployment_id);
ALTER TABLE ONLY deployments
    ADD CONSTRAINT deployments_organization_id_id_key UNIQUE (organization_id, id);
ALTER TABLE ONLY deployments
    ADD CONSTRAINT deployments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY execution_files
    ADD CONSTRAINT execution_files_execution_id_position_key UNIQUE (execution_id, "position");
ALTER TABLE ONLY execution_files
    ADD CONSTRAINT execution_files_pkey PRIMARY KEY (id);
ALTER TABLE ONLY execution_records
    ADD CONSTRAINT execution_records_pkey PRIMARY KEY (execution_id);
ALTER TABLE ONLY execution_steps
    ADD CONSTRAINT execution_steps_pkey PRIMARY KEY (execution_id, item, "position");
ALTER TABLE ONLY executions
    ADD CONSTRAINT executions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY idempotency_records
    ADD CONSTRAINT idempotency_records_pkey PRIMARY KEY (organization_id, request_name);
ALTER TABLE ONLY imported_secrets
    ADD CONSTRAINT imported_secrets_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY invitations
    ADD CONSTRAINT invitations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY key_changes
    ADD CONSTRAINT key_changes_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY key_secrets
    ADD CONSTRAINT key_secrets_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY keys
    ADD CONSTRAINT keys_organization_id_import_fingerprint_key UNIQUE (organization_id, import_fingerprint);
ALTER TABLE ONLY keys
    ADD CONSTRAINT keys_organization_id_slot_key UNIQUE (organization_id, slot);
ALTER TABLE ONLY keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (organization_id, user_id);
ALTER TABLE ONLY organization_secrets
    ADD CONSTRAINT organization_secrets_pkey PRIMARY KEY (organization_id, name);
ALTER TABLE ONLY organizations
    ADD CONSTRAINT organizations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY organizations
    ADD CONSTRAINT organizations_slug_key UNIQUE (slug);
ALTER TABLE ONLY schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (workflow_id);
ALTER TABLE ONLY sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY sessions
    ADD CONSTRAINT sessions_token_digest_key UNIQUE (token_digest);
ALTER TABLE ONLY usage
    ADD CONSTRAINT usage_pkey PRIMARY KEY (organization_id, key_id, resolution, start, deployment_id, measure);
ALTER TABLE ONLY usage_writers
    ADD CONSTRAINT usage_writers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY users
    ADD CONSTRAINT users_email_key UNIQUE (email);
ALTER TABLE ONLY users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY users
    ADD CONSTRAINT users_username_key UNIQUE (username);
ALTER TABLE ONLY webhook_events
    ADD CONSTRAINT webhook_events_pkey PRIMARY KEY (organization_id, event, webhook_id);
ALTER TABLE ONLY webhooks
    ADD CONSTRAINT webhooks_organization_id_id_key UNIQUE (organization_id, id);
ALTER TABLE ONLY webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY workflow_shares
    ADD CONSTRAINT workflow_shares_pkey PRIMARY KEY (user_id, workflow_id);
ALTER TABLE ONLY workflow_versions
    ADD CONSTRAINT workflow_versions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY workflow_versions
    ADD CONSTRAINT workflow_versions_workflow_id_number_key UNIQUE (workflow_id, number);
ALTER TABLE ONLY workflows
    ADD CONSTRAINT workflows_organization_id_id_key UNIQUE (organization_id, id);
ALTER TABLE ONLY workflows
    ADD CONSTRAINT workflows_pkey PRIMARY KEY (id);
CREATE INDEX audit_entries_at ON audit_entries USING btree (at);
CREATE INDEX audit_entries_organization_id ON audit_entries USING btree (organization_id, id);
CREATE INDEX audit_entries_unsealed ON audit_entries USING btree (organization_id, id) WHERE (seq IS NULL);
CREATE INDEX deliveries_event_id ON deliveries USING btree (event_id);
CREATE INDEX deliveries_finished_at ON deliveries USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX deliveries_lane ON deliveries USING btree (lane, next_attempt_at) WHERE (next_attempt_at IS NOT NULL);
CREATE INDEX deliveries_mail ON deliveries USING btree (organization_id, id) WHERE (mail_to IS NOT NULL);
CREATE INDEX deliveries_webhook_id ON deliveries USING btree (webhook_id, id) WHERE (webhook_id IS NOT NULL);
CREATE INDEX deployment_shares_deployment_id ON deployment_shares USING btree (deployment_id);
CREATE INDEX deployment_shares_organization_id_user_id ON deployment_shares USING btree (organization_id, user_id);
CREATE UNIQUE INDEX deployments_organization_id_api_name_key ON deployments USING btree (organization_id, api_name) WHERE (deleted_at IS NULL);
CREATE INDEX deployments_workflow_id ON deployments USING btree (workflow_id) WHERE (deleted_at IS NULL);
CREATE INDEX executions_by_deployment ON executions USING btree (organization_id, deployment_id, id) WHERE (deployment_id IS NOT NULL);
CREATE INDEX executions_by_key ON executions USING btree (organization_id, key_id, id) WHERE (key_id IS NOT NULL);
CREATE INDEX executions_failed ON executions USING btree (organization_id, status, id) WHERE (status = ANY (ARRAY['ERROR'::text, 'STOPPED'::text]));
CREATE INDEX executions_leased ON executions USING btree (lease_expires_at) WHERE (lease_expires_at IS NOT NULL);
CREATE INDEX executions_not_called ON executions USING btree (organization_id, trigger, id) WHERE (trigger <> 'CALL'::text);
CREATE INDEX executions_of_organization ON executions USING btree (organization_id, id);
CREATE INDEX executions_of_workflow ON executions USING btree (organization_id, workflow_id, id);
CREATE INDEX executions_unfinished ON executions USING btree (organization_id, deployment_id) WHERE (finished_at IS NULL);
CREATE INDEX executions_waiting ON executions USING btree (organization_id, created_at, id) WHERE ((lease_expires_at IS NULL) AND (finished_at IS NULL));
CREATE INDEX executions_with_payload ON executions USING btree (organization_id, finished_at) WHERE has_payload;
CREATE INDEX executions_without_payload ON executions USING btree (organization_id, finished_at) WHERE (NOT has_payload);
CREATE INDEX idempotency_records_created_at ON idempotency_records USING btree (created_at);
CREATE INDEX imported_secrets_digest ON imported_secrets USING btree (digest);
CREATE INDEX imported_secrets_prefix ON imported_secrets USING btree (prefix) WHERE (algorithm = 'pbkdf2_sha256'::text);
CREATE INDEX invitations_created_at ON invitations USING btree (organization_id, created_at);
CREATE INDEX invitations_expires_at ON invitations USING btree (expires_at);
CREATE INDEX invitations_open ON invitations USING btree (organization_id, id) WHERE ((accepted_at IS NULL) AND (withdrawn_at IS NULL));
CREATE UNIQUE INDEX invitations_organization_id_email_key ON invitations USING btree (organization_id, email) WHERE ((accepted_at IS NULL) AND (withdrawn_at IS NULL));
CREATE INDEX key_changes_organization_id_number ON key_changes USING btree (organization_id, number);
CREATE INDEX key_secrets_key_id ON key_secrets USING btree (key_id);
CREATE INDEX keys_created_by ON keys USING btree (created_by);
CREATE INDEX keys_deployment_id ON keys USING btree (deployment_id, id);
CREATE INDEX keys_next_notice_at ON keys USING btree (next_notice_at) WHERE (next_notice_at IS NOT NULL);
CREATE INDEX keys_organization_id ON keys USING btree (organization_id, id) WHERE (kind = 'organization'::text);
CREATE UNIQUE INDEX keys_organization_id_name_key ON keys USING btree (organization_id, name) WHERE (deleted_at IS NULL);
CREATE INDEX memberships_user_id ON memberships USING btree (user_id);
CREATE INDEX schedules_due ON schedules USING btree (next_run_at) WHERE (next_run_at IS NOT NULL);
CREATE INDEX sessions_user_id ON sessions USING btree (user_id, id);
CREATE INDEX usage_start ON usage USING btree (resolution, start);
CREATE INDEX webhook_events_webhook_id ON webhook_events USING btree (webhook_id);
CREATE INDEX webhooks_deleted_at ON webhooks USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);
CREATE INDEX workflow_shares_organization_id_user_id ON workflow_shares USING btree (organization_id, user_id);
CREATE INDEX workflow_shares_workflow_id ON workflow_shares USING btree (workflow_id);
ALTER TABLE ONLY audit_entries
    ADD CONSTRAINT audit_entries_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY audit_heads
    ADD CONSTRAINT audit_heads_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY audit_marks
    ADD CONSTRAINT audit_marks_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY deliveries
    ADD CONSTRAINT deliveries_event_id_fkey FOREIGN KEY (event_id) REFERENCES events(id);
ALTER TABLE ONLY deliveries
    ADD CONSTRAINT deliveries_organization_id_webhook_id_fkey FOREIGN KEY (organization_id, webhook_id) REFERENCES webhooks(organization_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY deployment_shares
    ADD CONSTRAINT deployment_shares_organization_id_deployment_id_fkey FOREIGN KEY (organization_id, deployment_id) REFERENCES deployments(organization_id, id);
ALTER TABLE ONLY deployment_shares
    ADD CONSTRAINT deployment_shares_organization_id_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES memberships(organization_id, user_id) ON DELETE CASCADE;
ALTER TABLE ONLY deployments
    ADD CONSTRAINT deployments_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY deployments
    ADD CONSTRAINT deployments_organization_id_workflow_id_fkey FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows(organization_id, id);
ALTER TABLE ONLY events
    ADD CONSTRAINT events_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY execution_files
    ADD CONSTRAINT execution_files_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES executions(id);
ALTER TABLE ONLY execution_records
    ADD CONSTRAINT execution_records_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES executions(id) ON DELETE CASCADE;
ALTER TABLE ONLY execution_steps
    ADD CONSTRAINT execution_steps_execution_id_fkey FOREIGN KEY (execution_id) REFERENCES executions(id);
ALTER TABLE ONLY executions
    ADD CONSTRAINT executions_key_id_fkey FOREIGN KEY (key_id) REFERENCES keys(id);
ALTER TABLE ONLY executions
    ADD CONSTRAINT executions_organization_id_deployment_id_fkey FOREIGN KEY (organization_id, deployment_id) REFERENCES deployments(organization_id, id);
ALTER TABLE ONLY executions
    ADD CONSTRAINT executions_version_id_fkey FOREIGN KEY (version_id) REFERENCES workflow_versions(id);
ALTER TABLE ONLY idempotency_records
    ADD CONSTRAINT idempotency_records_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY imported_secrets
    ADD CONSTRAINT imported_secrets_key_id_fkey FOREIGN KEY (key_id) REFERENCES keys(id);
ALTER TABLE ONLY invitations
    ADD CONSTRAINT invitations_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY key_changes
    ADD CONSTRAINT key_changes_key_id_fkey FOREIGN KEY (key_id) REFERENCES keys(id);
ALTER TABLE ONLY key_changes
    ADD CONSTRAINT key_changes_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY key_secrets
    ADD CONSTRAINT key_secrets_key_id_fkey FOREIGN KEY (key_id) REFERENCES keys(id);
ALTER TABLE ONLY keys
    ADD CONSTRAINT keys_organization_id_deployment_id_fkey FOREIGN KEY (organization_id, deployment_id) REFERENCES deployments(organization_id, id);
ALTER TABLE ONLY keys
    ADD CONSTRAINT keys_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY memberships
    ADD CONSTRAINT memberships_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY memberships
    ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);
ALTER TABLE ONLY organization_secrets
    ADD CONSTRAINT organization_secrets_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY organizations
    ADD CONSTRAINT organizations_id_active_platform_slot_fkey FOREIGN KEY (id, active_platform_slot) REFERENCES keys(organization_id, slot);
ALTER TABLE ONLY schedules
    ADD CONSTRAINT schedules_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY schedules
    ADD CONSTRAINT schedules_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES workflows(id);
ALTER TABLE ONLY sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);
ALTER TABLE ONLY webhook_events
    ADD CONSTRAINT webhook_events_organization_id_webhook_id_fkey FOREIGN KEY (organization_id, webhook_id) REFERENCES webhooks(organization_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY webhooks
    ADD CONSTRAINT webhooks_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY workflow_shares
    ADD CONSTRAINT workflow_shares_organization_id_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES memberships(organization_id, user_id) ON DELETE CASCADE;
ALTER TABLE ONLY workflow_shares
    ADD CONSTRAINT workflow_shares_organization_id_workflow_id_fkey FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows(organization_id, id);
ALTER TABLE ONLY workflow_versions
    ADD CONSTRAINT workflow_versions_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES workflows(id);
ALTER TABLE ONLY workflows
    ADD CONSTRAINT workflows_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id);
ALTER TABLE ONLY workflows
    ADD CONSTRAINT workflows_version_id_fkey FOREIGN KEY (version_id) REFERENCES workflow_versions(id) DEFERRABLE INITIALLY DEFERRED;
