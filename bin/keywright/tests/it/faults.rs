//! What happens when processes and databases die: nothing that was accepted is lost, and no caller
//! is told a lie.

use std::{collections::BTreeSet, time::Duration};

use api_types::{CreateDeployment, CreateWorkflow, ErrorCode};
use client_rust::{Call, Deployment, Error, Uuid};
use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};

use crate::{
    process::{Process, Settings},
    proxy::Proxy,
    sdk::{client, kept},
};

const RUNS: usize = 60;

/// The same server over each kind of database.
macro_rules! over_both_databases {
    ($($behaviour:ident),* $(,)?) => {
        mod over_sqlite {
            $(#[actix_web::test]
            async fn $behaviour() {
                super::$behaviour(test_support::databases::Database::sqlite()).await;
            })*
        }
        mod over_postgres {
            $(#[actix_web::test]
            async fn $behaviour() {
                super::$behaviour(test_support::databases::Database::postgres()).await;
            })*
        }
    };
}

over_both_databases!(
    a_killed_server_loses_no_accepted_run,
    a_terminated_server_hands_back_what_runs_and_exits_with_zero,
    a_terminated_server_finishes_what_it_can,
    a_caller_who_waits_is_answered_when_the_server_stops,
    a_worker_of_its_own_carries_out_what_a_server_accepts,
    a_killed_workers_run_is_taken_over,
    the_main_job_is_walked_with_public_tools,
);

/// A deployment, whose calls have no limit.
pub(crate) struct Deployed {
    pub(crate) id: Uuid,
    pub(crate) key: String,
}

/// Serves, and deploys a workflow of `acme`.
pub(crate) async fn deploy(settings: &Settings, server: &Process, filter: &str) -> Deployed {
    let (platform_key, _) = settings.given_organization("acme");
    let acme = client(&server.base, &platform_key).organization("acme");
    let definition = json!({"steps": [{"id": "shape", "tool": "transform", "filter": filter}]});
    let draft = CreateWorkflow::new("w", definition);
    let workflow = acme.workflows().create(&draft).await.expect("a workflow");
    let draft = CreateDeployment {
        max_concurrent: Some(None),
        rate_limit_per_minute: Some(None),
        ..CreateDeployment::new(workflow.id, "api")
    };
    let deployed = acme.deployments().create(&draft).await.expect("a deployment");
    Deployed { id: deployed.deployment.id, key: kept(&server.base, deployed.api_key) }
}

impl Deployed {
    /// As it is called at `server`, over connections of its own.
    pub(crate) fn at(&self, server: &Process) -> Deployment {
        self.behind(&server.base)
    }

    /// The same, at the address of a server or of what is in front of servers.
    pub(crate) fn behind(&self, base: &str) -> Deployment {
        client(base, &self.key).deployment(self.id)
    }

    /// Starts a run.
    async fn start(&self, server: &Process, input: Value) -> Uuid {
        self.at(server).start(&Call::new(input)).await.expect("it is accepted").execution_id
    }

    async fn status(&self, server: &Process, run: Uuid, wait: u64) -> String {
        let status = self.at(server).status(run, Duration::from_secs(wait)).await;
        status.expect("a status").status
    }

    /// Waits until a worker has the run.
    async fn wait_until_executing(&self, server: &Process, run: Uuid) {
        for _ in 0..60 {
            if self.status(server, run, 1).await == "EXECUTING" {
                return;
            }
        }
        panic!("nobody takes {run}");
    }
}

async fn a_killed_server_loses_no_accepted_run(database: Database) {
    let settings =
        Settings::over(&database).with("WORKER__LEASE_SECONDS", 1).with("WORKER__SEATS", 4);
    let server = settings.serve(&["--migrate"]);
    let deployed = deploy(&settings, &server, ".input + 1").await;
    let accepted = start_until_killed(&deployed, server).await;
    assert!(!accepted.is_empty(), "it was killed before it accepted anything");
    let server = settings.serve(&[]);
    for (run, input) in &accepted {
        let ended = deployed.at(&server).wait(*run, Duration::from_secs(30)).await;
        assert_eq!(ended.expect("it completes").result, json!(input + 1));
    }
    let distinct: BTreeSet<_> = accepted.iter().map(|(run, _)| run).collect();
    assert_eq!(distinct.len(), accepted.len());
}

/// Calls from several connections at once and kills the server in the midst; what was accepted.
async fn start_until_killed(deployed: &Deployed, server: Process) -> Vec<(Uuid, usize)> {
    let (answer_to, mut answers) = tokio::sync::mpsc::unbounded_channel();
    for input in 0..RUNS {
        let (deployment, answer_to) = (deployed.at(&server), answer_to.clone());
        actix_web::rt::spawn(async move {
            match deployment.start(&Call::new(input)).await {
                Ok(started) => drop(answer_to.send((started.execution_id, input))),
                // Killed before it answered.
                Err(Error::Transport(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    drop(answer_to);
    let mut accepted = Vec::new();
    while accepted.len() < RUNS / 3 {
        accepted.push(answers.recv().await.expect("a server that answers"));
    }
    server.kill();
    // Ends when every caller has heard its answer, or that there will be none.
    while let Some(answer) = answers.recv().await {
        accepted.push(answer);
    }
    accepted
}

async fn a_terminated_server_hands_back_what_runs_and_exits_with_zero(database: Database) {
    let settings = Settings::over(&database).with("WORKER__SHUTDOWN_SECONDS", 0);
    let server = settings.serve(&["--migrate"]);
    let deployed = deploy(&settings, &server, "def f: f; f").await;
    let run = deployed.start(&server, json!(1)).await;
    deployed.wait_until_executing(&server, run).await;
    assert_eq!(server.terminate().code(), Some(0));
    let server = settings.serve(&["--no-worker"]);
    let status = deployed.status(&server, run, 0).await;
    assert_eq!(status, "PENDING", "handed back, for any worker to take");
    assert_eq!(server.terminate().code(), Some(0));
}

async fn a_terminated_server_finishes_what_it_can(database: Database) {
    let settings = Settings::over(&database);
    let server = settings.serve(&["--migrate"]);
    let deployed = deploy(&settings, &server, "reduce range(1000000) as $i (0; . + 1)").await;
    let run = deployed.start(&server, json!(1)).await;
    assert_eq!(server.terminate().code(), Some(0));
    let server = settings.serve(&["--no-worker"]);
    assert_eq!(deployed.status(&server, run, 0).await, "COMPLETED");
}

async fn a_caller_who_waits_is_answered_when_the_server_stops(database: Database) {
    let settings = Settings::over(&database).with("WORKER__SHUTDOWN_SECONDS", 0);
    let server = settings.serve(&["--migrate"]);
    let deployed = deploy(&settings, &server, "def f: f; f").await;
    let run = deployed.start(&server, json!(1)).await;
    deployed.wait_until_executing(&server, run).await;
    let deployment = deployed.at(&server);
    let waiter = actix_web::rt::spawn(async move {
        deployment.status(run, Duration::from_secs(300)).await.expect("a status").status
    });
    // Answered on connections that were opened later: by then the server has the waiter's request.
    for _ in 0..5 {
        deployed.status(&server, run, 0).await;
    }
    let ended = actix_web::web::block(move || server.terminate()).await.expect("a thread");
    assert_eq!(ended.code(), Some(0));
    assert_eq!(waiter.await.expect("an answer"), "PENDING");
}

async fn a_worker_of_its_own_carries_out_what_a_server_accepts(database: Database) {
    let settings = Settings::over(&database);
    let server = settings.serve(&["--migrate", "--no-worker"]);
    let deployed = deploy(&settings, &server, ".input * 2").await;
    let run = deployed.start(&server, json!(21)).await;
    assert_eq!(deployed.status(&server, run, 0).await, "PENDING");
    let worker = settings.work();
    assert_eq!(deployed.status(&server, run, 30).await, "COMPLETED");
    assert_eq!(worker.terminate().code(), Some(0));
}

async fn a_killed_workers_run_is_taken_over(database: Database) {
    let settings = Settings::over(&database).with("WORKER__LEASE_SECONDS", 1);
    let server = settings.serve(&["--migrate", "--no-worker"]);
    // Ends for the second worker alone: the first is killed long before a minute's work is done.
    let deployed = deploy(&settings, &server, "reduce range(1000000) as $i (0; . + 1)").await;
    let worker = settings.work();
    let run = deployed.start(&server, json!(1)).await;
    deployed.wait_until_executing(&server, run).await;
    worker.kill();
    let _second = settings.work();
    assert_eq!(deployed.status(&server, run, 60).await, "COMPLETED");
}

async fn the_main_job_is_walked_with_public_tools(database: Database) {
    let settings = Settings::over(&database);
    let server = settings.serve(&["--migrate"]);
    let walk = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.ci/walk");
    let mut command = std::process::Command::new(walk);
    command.args([&server.base, crate::KEYWRIGHT]).envs(settings.environment());
    let output = actix_web::web::block(move || command.output())
        .await
        .expect("a thread")
        .expect("bash, curl and jq");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success() && text.contains("The walk is done."), "{text}");
}

#[actix_web::test]
async fn fifty_activations_on_two_servers_leave_exactly_one_active() {
    let database = Database::postgres();
    let settings = Settings::over(&database);
    let servers = [settings.serve(&["--migrate"]), settings.serve(&[])];
    let (_, password) = settings.given_organization("acme");
    let mut admins = Vec::new();
    for server in &servers {
        admins.push(Caller::new(&server.base).log_in("acme", &password).await);
    }
    let keys = "/unstract/acme/api/v2/platform-keys/";
    admins[0].post_nothing(keys).await.created();
    let listed = admins[0].get(keys).await.ok();
    let ids = [0, 1].map(|slot| listed["items"][slot]["id"].as_str().expect("an id").to_owned());
    let activations = (0..50).map(|turn: usize| {
        let (admin, path) = (admins[turn % 2].clone(), format!("{keys}{}/", ids[turn / 2 % 2]));
        actix_web::rt::spawn(
            async move { admin.patch(&path, json!({"is_active": true})).await.ok() },
        )
    });
    for activation in activations.collect::<Vec<_>>() {
        activation.await.expect("an answer");
    }
    for admin in &admins {
        let listed = admin.get(keys).await.ok();
        let active = listed["items"]
            .as_array()
            .expect("two")
            .iter()
            .filter(|key| key["is_active"] == true)
            .count();
        assert_eq!(active, 1, "{listed}");
    }
}

#[actix_web::test]
async fn a_database_that_is_away_is_said_so_and_the_server_recovers_by_itself() {
    let database = Database::postgres();
    Settings::over(&database).json(&["migrate", "run", "--json"]);
    let proxy = Proxy::to_postgres(database.url());
    let settings = Settings::of(&proxy.url);
    let server = settings.serve(&[]);
    let deployed = deploy(&settings, &server, ".input").await;
    let deployment = deployed.at(&server);
    let call = async |input: u32| deployment.run(&Call::new(input), Duration::from_secs(10)).await;
    call(1).await.expect("a result");
    proxy.cut();
    for _ in 0..3 {
        let refused = call(2).await.expect_err("there is no database");
        assert!(refused.is(ErrorCode::Unavailable), "{refused:?}");
        assert!(refused.problem().is_some_and(|problem| problem.retry_after.is_some()));
    }
    Caller::new(&server.base).get("/readyz").await.refused(503, "unavailable");
    assert_eq!(Caller::new(&server.base).get("/healthz").await.status, 200);
    proxy.mend();
    // Most turns end at once: one call at a time finds out whether the database is there again.
    let recovers = async { while call(3).await.is_err() {} };
    let recovered = actix_web::rt::time::timeout(Duration::from_secs(30), recovers).await;
    recovered.expect("the server recovers");
}
