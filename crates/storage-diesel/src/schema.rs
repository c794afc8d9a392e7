//! The tables, as both databases have them. What they mean stands in `migrations/`.

mod servers;

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

pub(crate) use self::servers::{nodes, roll_calls};

table! {
    organizations (id) {
        id -> Text,
        slug -> Text,
        name -> Text,
        active_platform_slot -> Nullable<SmallInt>,
        created_at -> BigInt,
        key_format -> Text,
        key_prefix -> Text,
        max_concurrent -> Nullable<Integer>,
        result_hours -> Nullable<Integer>,
        record_days -> Nullable<Integer>,
        notice_days -> Text,
        users_may_deploy -> Bool,
        key_changes -> BigInt,
        changed_in -> BigInt,
    }
}

table! {
    organization_secrets (organization_id, name) {
        organization_id -> Text,
        name -> Text,
        encryption_key -> Text,
        sealed -> Binary,
        set_at -> BigInt,
        set_by -> Text,
        set_by_name -> Text,
    }
}

table! {
    users (id) {
        id -> Text,
        username -> Text,
        email -> Nullable<Text>,
        password_hash -> Text,
        created_at -> BigInt,
        password_changed_at -> Nullable<BigInt>,
    }
}

table! {
    memberships (organization_id, user_id) {
        organization_id -> Text,
        user_id -> Text,
        role -> Text,
        created_at -> Nullable<BigInt>,
    }
}

table! {
    invitations (id) {
        id -> Text,
        organization_id -> Text,
        email -> Text,
        role -> Text,
        is_mailed -> Bool,
        created_by -> Text,
        created_by_name -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        accepted_at -> Nullable<BigInt>,
        withdrawn_at -> Nullable<BigInt>,
    }
}

table! {
    sessions (id) {
        id -> Text,
        user_id -> Text,
        token_digest -> Binary,
        created_at -> BigInt,
        last_used_at -> BigInt,
        address -> Nullable<Text>,
        user_agent -> Text,
    }
}

table! {
    workflows (id) {
        id -> Text,
        organization_id -> Text,
        name -> Text,
        description -> Text,
        workflow_type -> Text,
        version_id -> Text,
        created_by -> Text,
        created_at -> BigInt,
        modified_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
        shared_with_everyone -> Bool,
    }
}

table! {
    workflow_shares (user_id, workflow_id) {
        user_id -> Text,
        workflow_id -> Text,
        organization_id -> Text,
    }
}

table! {
    deployment_shares (user_id, deployment_id) {
        user_id -> Text,
        deployment_id -> Text,
        organization_id -> Text,
    }
}

table! {
    workflow_versions (id) {
        id -> Text,
        workflow_id -> Text,
        number -> Integer,
        definition -> Text,
        created_at -> BigInt,
    }
}

table! {
    deployments (id) {
        id -> Text,
        organization_id -> Text,
        workflow_id -> Text,
        deployment_type -> Text,
        api_name -> Text,
        display_name -> Text,
        description -> Text,
        is_active -> Bool,
        default_parameters -> Text,
        timeout_seconds -> Integer,
        max_concurrent -> Nullable<Integer>,
        shared_results -> Bool,
        created_by -> Text,
        created_at -> BigInt,
        modified_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
        rate_limit_per_minute -> Nullable<Integer>,
        ip_allowlist -> Text,
        max_body_bytes -> Integer,
        max_file_bytes -> Integer,
        input_schema -> Nullable<Text>,
        shared_with_everyone -> Bool,
    }
}

table! {
    keys (id) {
        id -> Text,
        organization_id -> Text,
        kind -> Text,
        deployment_id -> Nullable<Text>,
        slot -> Nullable<SmallInt>,
        name -> Nullable<Text>,
        description -> Text,
        is_active -> Nullable<Bool>,
        scopes -> Text,
        rate_limit_per_minute -> Nullable<Integer>,
        ip_allowlist -> Text,
        metadata -> Text,
        expires_at -> Nullable<BigInt>,
        term -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        revoked_reason -> Nullable<Text>,
        deleted_at -> Nullable<BigInt>,
        created_by -> Nullable<Text>,
        created_at -> BigInt,
        import_fingerprint -> Nullable<Text>,
        noticed_until -> Nullable<BigInt>,
        next_notice_at -> Nullable<BigInt>,
        limit_noticed_at -> Nullable<BigInt>,
    }
}

table! {
    key_changes (key_id) {
        key_id -> Text,
        organization_id -> Text,
        number -> BigInt,
    }
}

table! {
    key_secrets (digest) {
        digest -> Binary,
        key_id -> Text,
        pepper -> Text,
        fingerprint -> Text,
        hint -> Text,
        created_at -> BigInt,
        grace_until -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

table! {
    imported_secrets (key_id) {
        key_id -> Text,
        algorithm -> Text,
        digest -> Binary,
        prefix -> Nullable<Text>,
        salt -> Nullable<Text>,
        iterations -> Nullable<Integer>,
        created_at -> BigInt,
        grace_until -> Nullable<BigInt>,
    }
}

table! {
    executions (id) {
        id -> Text,
        organization_id -> Text,
        version_id -> Text,
        trigger -> Text,
        deployment_id -> Nullable<Text>,
        key_id -> Nullable<Text>,
        started_by -> Nullable<Text>,
        status -> Text,
        attempt -> Integer,
        lost -> Integer,
        lease_expires_at -> Nullable<BigInt>,
        timeout_seconds -> Integer,
        per_file -> Bool,
        steps_total -> Integer,
        steps_completed -> Integer,
        input -> Nullable<Text>,
        parameters -> Nullable<Text>,
        result -> Nullable<Text>,
        failure_code -> Nullable<Text>,
        failure_step -> Nullable<Text>,
        failure_reason -> Nullable<Text>,
        created_at -> BigInt,
        started_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        has_payload -> Bool,
        trace_parent -> Nullable<Text>,
        workflow_id -> Nullable<Text>,
    }
}

table! {
    schedules (workflow_id) {
        workflow_id -> Text,
        organization_id -> Text,
        cron -> Text,
        is_active -> Bool,
        timeout_seconds -> Integer,
        input -> Text,
        parameters -> Text,
        next_run_at -> Nullable<BigInt>,
        last_run_at -> Nullable<BigInt>,
        last_execution_id -> Nullable<Text>,
        last_skipped_at -> Nullable<BigInt>,
        modified_at -> BigInt,
    }
}

table! {
    execution_records (execution_id) {
        execution_id -> Text,
        records_read -> BigInt,
        records_written -> BigInt,
        records_failed -> BigInt,
        checkpoint -> Nullable<Text>,
    }
}

table! {
    execution_steps (execution_id, item, position) {
        execution_id -> Text,
        item -> Integer,
        position -> Integer,
        step_id -> Text,
        state -> Text,
        started_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        output -> Nullable<Text>,
        error -> Nullable<Text>,
        prompt_tokens -> BigInt,
        completion_tokens -> BigInt,
        cost_micros -> BigInt,
        log -> Text,
    }
}

table! {
    audit_entries (id) {
        id -> Text,
        organization_id -> Text,
        at -> BigInt,
        actor_kind -> Text,
        actor_id -> Nullable<Text>,
        actor_name -> Text,
        action -> Text,
        subject_kind -> Text,
        subject_id -> Nullable<Text>,
        subject_name -> Text,
        reason -> Nullable<Text>,
        occurrences -> Integer,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        seq -> Nullable<BigInt>,
        mac -> Nullable<Binary>,
        pepper -> Nullable<Text>,
    }
}

table! {
    audit_heads (organization_id) {
        organization_id -> Text,
        seq -> BigInt,
        mac -> Binary,
        checkpoint_seq -> BigInt,
        checkpoint_mac -> Binary,
        pepper -> Text,
        head_mac -> Binary,
    }
}

table! {
    audit_marks (organization_id) {
        organization_id -> Text,
        seq -> BigInt,
    }
}

table! {
    audit_totals (id) {
        id -> SmallInt,
        sealed -> BigInt,
        mac -> Nullable<Binary>,
        pepper -> Nullable<Text>,
    }
}

table! {
    idempotency_records (organization_id, request_name) {
        organization_id -> Text,
        request_name -> Binary,
        body -> Binary,
        made_id -> Text,
        made_along_id -> Nullable<Text>,
        created_at -> BigInt,
    }
}

table! {
    usage (organization_id, key_id, resolution, start, deployment_id, measure) {
        organization_id -> Text,
        key_id -> Text,
        resolution -> SmallInt,
        start -> BigInt,
        deployment_id -> Text,
        measure -> Text,
        amount -> BigInt,
    }
}

table! {
    usage_writers (id) {
        id -> Text,
        batch -> BigInt,
        added_at -> BigInt,
    }
}

table! {
    events (id) {
        id -> Text,
        organization_id -> Text,
        #[sql_name = "type"]
        kind -> Text,
        at -> BigInt,
        data -> Text,
    }
}

table! {
    webhooks (id) {
        id -> Text,
        organization_id -> Text,
        url -> Text,
        description -> Text,
        is_active -> Bool,
        disabled_reason -> Nullable<Text>,
        encryption_key -> Text,
        sealed -> Binary,
        previous_encryption_key -> Nullable<Text>,
        previous_sealed -> Nullable<Binary>,
        previous_until -> Nullable<BigInt>,
        failing_since -> Nullable<BigInt>,
        created_by -> Text,
        created_at -> BigInt,
        modified_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

table! {
    webhook_events (organization_id, event, webhook_id) {
        organization_id -> Text,
        event -> Text,
        webhook_id -> Text,
    }
}

table! {
    deliveries (id) {
        id -> Text,
        organization_id -> Text,
        event_id -> Text,
        webhook_id -> Nullable<Text>,
        mail_to -> Nullable<Text>,
        lane -> Text,
        state -> Text,
        attempt -> Integer,
        next_attempt_at -> Nullable<BigInt>,
        attempts -> Text,
        created_at -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}

joinable!(webhook_events -> webhooks (webhook_id));
joinable!(deliveries -> events (event_id));
joinable!(deliveries -> webhooks (webhook_id));
joinable!(memberships -> users (user_id));
joinable!(memberships -> organizations (organization_id));
joinable!(sessions -> users (user_id));
joinable!(workflows -> workflow_versions (version_id));
joinable!(deployments -> workflows (workflow_id));
joinable!(schedules -> workflows (workflow_id));
joinable!(keys -> organizations (organization_id));
joinable!(keys -> deployments (deployment_id));
joinable!(key_secrets -> keys (key_id));
joinable!(imported_secrets -> keys (key_id));
joinable!(executions -> deployments (deployment_id));
joinable!(executions -> workflow_versions (version_id));

table! {
    execution_files (id) {
        id -> Text,
        execution_id -> Text,
        organization_id -> Text,
        position -> Integer,
        name -> Text,
        media_type -> Text,
        size -> BigInt,
        sha256 -> Text,
        is_kept -> Bool,
    }
}

allow_tables_to_appear_in_same_query!(
    audit_entries,
    audit_heads,
    audit_marks,
    audit_totals,
    deliveries,
    deployment_shares,
    deployments,
    events,
    execution_files,
    execution_records,
    executions,
    idempotency_records,
    imported_secrets,
    invitations,
    key_changes,
    key_secrets,
    keys,
    memberships,
    organization_secrets,
    organizations,
    schedules,
    sessions,
    usage,
    usage_writers,
    users,
    webhook_events,
    webhooks,
    workflow_shares,
    workflow_versions,
    workflows,
);
