//! What the product promises, tried from outside: over HTTP in this process, and as real processes.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says what it saw"
)]

use test_support::{app::TestApp, databases::Database};

/// The binary under test.
const KEYWRIGHT: &str = env!("CARGO_BIN_EXE_keywright");

/// Each behaviour, on both databases.
macro_rules! on_both_databases {
    ($($behaviour:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[actix_web::test]
            async fn $behaviour() {
                super::$behaviour(crate::start(test_support::databases::Database::sqlite()).await).await;
            })*
        }
        mod on_postgres {
            $(#[actix_web::test]
            async fn $behaviour() {
                super::$behaviour(crate::start(test_support::databases::Database::postgres()).await).await;
            })*
        }
    };
}

mod agents;
mod agents_clients;
mod api_keys;
mod audit;
mod balancer;
mod behind_proxies;
mod bodies;
mod browser;
mod callers;
mod client_address;
mod clients;
mod command_line;
mod console;
mod console_deployments;
mod console_keys;
mod console_settings;
mod console_usage;
mod console_workflows;
mod database_faults;
mod demo;
mod deploying;
mod deployment_limits;
mod deployments;
mod documentation;
mod documents;
mod dumps;
mod durability;
mod embedding;
mod etl;
mod executions;
mod extraction;
mod faults;
mod files;
mod five_tools;
mod forward_auth;
mod guards;
mod guesses;
mod history;
mod hostile_workflows;
mod idempotency;
mod imports;
mod inference;
mod invitations;
mod key_cache;
mod key_commands;
mod key_feed;
mod log_ins;
mod mail;
mod many_nodes;
mod members;
mod metrics;
mod node_faults;
mod notices_of_keys;
mod operating;
mod operator_commands;
mod organization_secrets;
mod organization_settings;
mod people;
mod peppers;
mod platform_keys;
mod process;
mod proxy;
mod rate_limits;
mod redis;
mod refusals;
mod reverse_proxy;
mod roles;
mod rolling_restart;
mod sandbox;
mod sdk;
mod secrets;
mod service;
mod sessions;
mod sharing;
mod slow_clients;
mod steps;
mod thousand_events;
mod tidy;
mod traces;
mod unstract;
mod upstream_models;
mod usage;
mod usage_over_processes;
mod uses;
mod verify;
mod webhooks;
mod workflows;

async fn start(database: Database) -> TestApp {
    TestApp::start(database, KEYWRIGHT).await
}
