//! Every metric with what it means, in one place. `docs/operating/README.md` says it at more length,
//! and a test holds the two together.

use metrics::{describe_counter, describe_gauge, describe_histogram};

const COUNTERS: &[(&str, &str)] = &[
    ("keywright_database_checkout_failures_total", "Calls that were given no connection in time."),
    ("keywright_database_commit_failures_total", "Transactions that failed and were rolled back."),
    ("keywright_database_commits_total", "Transactions that were committed."),
    ("keywright_database_writes_total", "Changes made durable; on SQLite several share a commit."),
    (
        "keywright_deliveries_total",
        "Attempts to deliver notices, by channel and by what became of them.",
    ),
    ("keywright_executions_total", "Executions that ended, by status."),
    ("keywright_guess_refusals_total", "Requests refused for too many wrong keys."),
    (
        "keywright_http_requests_abandoned_total",
        "Requests whose callers hung up before the answer.",
    ),
    ("keywright_http_requests_total", "Requests answered, by method, route and status."),
    ("keywright_key_cache_hits_total", "Keys that memory had."),
    ("keywright_key_cache_misses_total", "Keys that had to be looked up."),
    (
        "keywright_limiter_failures_total",
        "Decisions on limits that were asked of Redis and not made.",
    ),
    (
        "keywright_limiter_fallback_decisions_total",
        "Limited calls decided without Redis, by policy.",
    ),
    ("keywright_log_ins_total", "Passwords asked for, by outcome."),
    ("keywright_problems_total", "Problem documents sent, by error code."),
    ("keywright_rate_limit_refusals_total", "Requests refused by a rate limit, by the limit."),
    ("keywright_unknown_keys_total", "Texts shown as keys that are nobody's."),
    ("keywright_upkeep_failures_total", "Failures of what goes on beside the answers, by task."),
    ("keywright_verifications_total", "Keys judged, by where they were shown and the outcome."),
];

const GAUGES: &[(&str, &str)] = &[
    ("keywright_audit_broken_chains", "Audit chains found broken since the start."),
    ("keywright_build_info", "The version that runs; always 1."),
    ("keywright_cache_staleness_limit_seconds", "No remembered key is believed at a higher age."),
    (
        "keywright_cache_staleness_seconds",
        "The highest age of a remembered key that was believed since metrics were last read.",
    ),
    ("keywright_database_connections", "Connections of the pool, used and idle."),
    ("keywright_database_connections_limit", "Connections that the pool may have."),
    (
        "keywright_executions_executing",
        "Executions in the hands of any worker; at most 10000 are counted.",
    ),
    (
        "keywright_executions_pending",
        "Executions that wait for a worker; at most 10000 are counted.",
    ),
    ("keywright_http_requests_in_flight", "Requests that are being answered."),
    ("keywright_key_cache_entries", "Keys, and texts that are no key, that are remembered."),
    ("keywright_limiter_mode", "Where limits are kept account of; always 1."),
    (
        "keywright_oldest_due_delivery_seconds",
        "For how long the delivery has been due that has been for longest.",
    ),
    ("keywright_oldest_pending_seconds", "For how long the oldest pending execution has waited."),
    (
        "keywright_ready",
        "Whether requests can be served: what /readyz tells of a server that is not about to stop.",
    ),
    ("keywright_redis_up", "Whether Redis answers, where one is configured."),
    ("keywright_upkeep_last_success_timestamp_seconds", "When the task last went well."),
    ("keywright_worker_seats", "How many executions this process carries out at the same time."),
    ("keywright_worker_seats_busy", "How many it is carrying out."),
];

const HISTOGRAMS: &[(&str, &str)] = &[
    ("keywright_database_checkout_duration_seconds", "How long calls waited for a connection."),
    ("keywright_execution_duration_seconds", "How long a worker took over an execution."),
    ("keywright_http_request_duration_seconds", "How long requests took, by route."),
    ("keywright_limiter_duration_seconds", "How long decisions on limits took that Redis made."),
];

pub(super) fn describe() {
    COUNTERS.iter().for_each(|(name, means)| describe_counter!(*name, *means));
    GAUGES.iter().for_each(|(name, means)| describe_gauge!(*name, *means));
    HISTOGRAMS.iter().for_each(|(name, means)| describe_histogram!(*name, *means));
}
