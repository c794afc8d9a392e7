//! A new version without a gap: servers over one database are restarted one after the other, under load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{rt, web};
use client_rust::{Call, Uuid};
use serde_json::json;
use test_support::{app::Caller, databases::Database};

use crate::{
    balancer::Balancer,
    faults::{Deployed, deploy},
    process::{Process, Settings},
};

/// How many call at the same time, each over a connection that is kept for as long as servers keep it.
const CALLERS: usize = 6;
const PATIENCE: Duration = Duration::from_secs(30);

/// Accepted runs, with what was put into each.
type Accepted = Vec<(Uuid, usize)>;

struct Load {
    is_over: AtomicBool,
    calls: AtomicUsize,
}

#[actix_web::test]
async fn a_server_that_is_told_to_stop_is_not_ready_and_answers_on_until_it_has_drained() {
    let database = Database::sqlite();
    let settings = Settings::over(&database)
        .with("SERVER__ADMIN_LISTEN", "127.0.0.1:0")
        .with("SERVER__DRAIN_SECONDS", 60);
    let server = settings.serve(&[]);
    let (platform_key, _) = settings.given_organization("acme");
    let caller = Caller::new(&server.base).bearer(&platform_key);
    let answered = caller.get("/v1/whoami").await;
    answered.ok();
    assert_eq!((caller.get("/readyz").await.status, answered.header("connection")), (200, ""));
    server.ask_to_end();
    server.wait_for_line("draining: not ready any more, each answer ends its connection");
    // A new connection, since each of them ends the one that it came by.
    for _ in 0..3 {
        let refused = Caller::new(&server.base).get("/readyz").await;
        refused.refused(503, "unavailable");
        let answered = caller.get("/v1/whoami").await;
        answered.ok();
        assert_eq!(answered.header("connection"), "close");
    }
    assert_eq!(Caller::new(&server.admin).get("/readyz").await.status, 503);
    assert_eq!(caller.get("/healthz").await.status, 200, "alive, and to be left alone");
    // Whoever has no more patience says so again.
    server.ask_to_end();
    let ended = web::block(move || server.await_end()).await.expect("a thread");
    assert_eq!(ended.code(), Some(1));
}

#[actix_web::test]
async fn three_servers_are_restarted_one_after_the_other_and_nobody_notices() {
    let database = Database::postgres();
    let settings = Settings::over(&database)
        .with("SERVER__DRAIN_SECONDS", 1)
        .with("DATABASE__POOL_SIZE", 4)
        .with("LOG__LEVEL", "info");
    let servers = [settings.serve(&["--migrate"]), settings.serve(&[]), settings.serve(&[])];
    let deployed = Arc::new(deploy(&settings, &servers[0], ".input + 1").await);
    let balancer = Balancer::over(&servers);
    let load = Arc::new(Load { is_over: AtomicBool::new(false), calls: AtomicUsize::new(0) });
    let callers: Vec<_> = (0..CALLERS)
        .map(|one| rt::spawn(call(Arc::clone(&load), balancer.base.clone(), deployed.clone(), one)))
        .collect();
    let mut newer = Vec::new();
    for server in servers {
        newer.push(replace(&settings, &balancer, &load, server).await);
    }
    load.is_over.store(true, Ordering::SeqCst);
    let mut accepted = Vec::new();
    for caller in callers {
        accepted.extend(caller.await.expect("every call was answered well"));
    }
    for (run, input) in &accepted {
        let ended = deployed.at(&newer[0]).wait(*run, PATIENCE).await;
        assert_eq!(ended.expect("it completes").result, json!(input + 1));
    }
    println!("{} calls, {} runs", load.calls.load(Ordering::SeqCst), accepted.len());
}

/// Ends a server as a deployment does, once another one has taken its place, each under load.
async fn replace(
    settings: &Settings,
    balancer: &Balancer,
    load: &Load,
    server: Process,
) -> Process {
    let settings = settings.clone();
    let newer = web::block(move || settings.serve(&[])).await.expect("a thread");
    balancer.add(&newer);
    calls_pass(load).await;
    assert!(balancer.uses(&server) && balancer.uses(&newer));
    server.ask_to_end();
    let ended = web::block(move || server.await_end()).await.expect("a thread");
    assert_eq!(ended.code(), Some(0));
    calls_pass(load).await;
    newer
}

/// Ends when each caller has been answered several times more.
async fn calls_pass(load: &Load) {
    let enough = load.calls.load(Ordering::SeqCst) + 5 * CALLERS;
    let passed = async {
        while load.calls.load(Ordering::SeqCst) < enough {
            rt::task::yield_now().await;
        }
    };
    rt::time::timeout(PATIENCE, passed).await.expect("calls go on");
}

/// Calls without a pause; any answer but a good one is a loss.
async fn call(load: Arc<Load>, base: String, deployed: Arc<Deployed>, one: usize) -> Accepted {
    let deployment = deployed.behind(&base);
    let caller = Caller::new(&base).bearer(&deployed.key);
    let mut accepted = Vec::new();
    for turn in 0.. {
        if load.is_over.load(Ordering::SeqCst) {
            break;
        }
        let input = turn * CALLERS + one;
        match turn % 3 {
            0 => {
                let started = deployment.start(&Call::new(input)).await.expect("it is accepted");
                accepted.push((started.execution_id, input));
            }
            1 => {
                let ended = deployment.run(&Call::new(input), PATIENCE).await.expect("a result");
                assert_eq!(ended.result, json!(input + 1));
            }
            _ => drop(caller.get("/v1/whoami").await.ok()),
        }
        load.calls.fetch_add(1, Ordering::SeqCst);
    }
    accepted
}
