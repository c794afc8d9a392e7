//! A PostgreSQL that is stopped, started again, or hangs while servers work on it: what callers are told meanwhile and how soon,
//! and that everything goes on afterwards with nobody's help.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::{rt, web};
use client_rust::Call;
use serde_json::json;
use tempfile::TempDir;
use test_support::{answer::Answer, app::Caller, cluster::Cluster};

use crate::{
    faults::{Deployed, deploy},
    process::{Process, Settings},
};

const PATIENCE: Duration = Duration::from_secs(30);
/// How old what a server remembers of keys may be.
const CEILING: Duration = Duration::from_secs(2);
/// How long a server waits for a connection; afterwards it knows that there is none.
const KNOWN_AFTER: Duration = Duration::from_secs(3);
/// Past this, nobody waits for a database that hangs.
const AT_MOST: Duration = Duration::from_secs(15);
/// Test machines are slow.
const SLACK: Duration = Duration::from_secs(2);
/// So many threads and connections are fewer than those who call.
const CONNECTIONS: u32 = 3;
/// How many call at the same time, for each thing that is asked.
const CALLERS: usize = 3;

/// A server over a PostgreSQL of its own.
struct Given {
    deployed: Rc<Deployed>,
    server: Process,
    /// Another one, which is told to stop in the midst of the trouble.
    leaving: RefCell<Option<Process>>,
    cluster: Cluster,
    _files: TempDir,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    /// Whether a key may pass that the server has in memory.
    Known,
    /// The same of one that nobody has ever seen.
    Unknown,
    /// To run something.
    Run,
    Ready,
    Alive,
}

/// An answer, and when it came, counted from when the trouble began.
#[derive(Debug)]
struct Told {
    asked: Asked,
    begun: Duration,
    took: Duration,
    status: u16,
}

impl Given {
    async fn start() -> Self {
        let cluster = web::block(Cluster::start).await.expect("a thread");
        let files = tempfile::tempdir().expect("a directory");
        let settings = Settings::of(&cluster.url())
            .with("FILES__DIRECTORY", files.path().display())
            .with("KEYS__MAX_STALENESS_MS", CEILING.as_millis())
            .with("DATABASE__POOL_SIZE", CONNECTIONS)
            .with("SERVER__ADMIN_LISTEN", "127.0.0.1:0")
            .with("GUESSING__PER_MINUTE", 1_000_000)
            .with("LOG__LEVEL", "info");
        let server = settings.serve(&["--migrate"]);
        let deployed = Rc::new(deploy(&settings, &server, ".input").await);
        let settings =
            settings.with("SERVER__SHUTDOWN_SECONDS", 0).with("WORKER__SHUTDOWN_SECONDS", 0);
        let leaving = RefCell::new(Some(settings.serve(&[])));
        Self { deployed, server, leaving, cluster, _files: files }
    }

    async fn ask(&self, asked: Asked, number: usize) -> Answer {
        let caller = Caller::new(&self.server.base);
        match asked {
            Asked::Known => {
                caller.bearer(&self.deployed.key).get("/v1/auth?kinds=deployment").await
            }
            Asked::Unknown => {
                let unknown = format!("unst_{number:043}");
                caller.bearer(&unknown).get("/v1/auth?kinds=deployment").await
            }
            Asked::Run => {
                let path = format!("/deployment/{}/", self.deployed.id);
                caller.bearer(&self.deployed.key).post(&path, json!({"input_data": number})).await
            }
            Asked::Ready => caller.get("/readyz").await,
            Asked::Alive => caller.get("/healthz").await,
        }
    }

    /// Everything is answered as ever.
    async fn is_well(&self) -> bool {
        let mut is_well = true;
        for (asked, status) in
            [(Asked::Known, 200), (Asked::Run, 202), (Asked::Ready, 200), (Asked::Unknown, 401)]
        {
            is_well &= self.ask(asked, 0).await.status == status;
        }
        is_well
    }

    /// Asks everything from all sides for `time`, counted from `since`; ends when each call was answered.
    async fn bear(self: &Rc<Self>, since: Instant, time: Duration) -> Vec<Told> {
        let (all, number) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(1)));
        let everything =
            [Asked::Known, Asked::Unknown, Asked::Run, Asked::Ready, Asked::Alive].repeat(CALLERS);
        let callers = everything.into_iter().map(|asked| {
            let (given, all, number) = (Rc::clone(self), Rc::clone(&all), Rc::clone(&number));
            rt::spawn(async move {
                while since.elapsed() < time {
                    let begun = since.elapsed();
                    let answer = given.ask(asked, number.replace(number.get() + 1)).await;
                    check(asked, &answer);
                    let took = since.elapsed() - begun;
                    let told = Told { asked, begun, took, status: answer.status };
                    all.borrow_mut().push(told);
                    // As fast as a machine can be asked is not what is tried here.
                    rt::time::sleep(Duration::from_millis(20)).await;
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.expect("an answer to each call");
        }
        all.take()
    }

    /// Nobody has to do anything for it.
    async fn recovers(&self) -> Duration {
        let begun = Instant::now();
        let well = async {
            while !self.is_well().await {
                rt::task::yield_now().await;
            }
        };
        rt::time::timeout(PATIENCE, well).await.expect("it recovers by itself");
        begun.elapsed()
    }

    /// A run that is started now comes to its end.
    async fn goes_on(&self) {
        let deployment = self.deployed.at(&self.server);
        let ended = deployment.run(&Call::new(7), PATIENCE).await.expect("a result");
        assert_eq!(ended.result, json!(7));
    }
}

/// What may be answered while there is no database, whenever.
fn check(asked: Asked, answer: &Answer) {
    match (asked, answer.status) {
        (Asked::Known, 200) | (Asked::Alive, 200) => {}
        (Asked::Known | Asked::Unknown | Asked::Run | Asked::Ready, 503) => {
            answer.refused(503, "unavailable");
            assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
        }
        _ => panic!("{asked:?}: {answer:?}"),
    }
}

/// What was promised of the answers, all together.
fn judge(all: &[Told]) {
    let mut counts = BTreeMap::<_, usize>::new();
    for told in all {
        *counts.entry((told.asked, told.status)).or_default() += 1;
        let longest = if told.asked == Asked::Alive { Duration::ZERO } else { AT_MOST };
        assert!(told.took < longest + SLACK, "{told:?}");
        if (told.asked, told.status) == (Asked::Known, 200) {
            assert!(told.begun < CEILING, "a yes past the ceiling: {told:?}");
        }
    }
    let late = all.iter().filter(|told| told.begun > 2 * KNOWN_AFTER);
    let (quick, slow): (Vec<_>, Vec<_>) = late.partition(|told| told.took < SLACK);
    println!("{counts:?}; late: {} at once, {} not: {slow:?}", quick.len(), slow.len());
    // One at a time finds out whether it is there again.
    assert!(slow.len() * 10 < quick.len(), "{slow:?}");
}

#[actix_web::test]
async fn a_postgresql_that_hangs_holds_up_nobody_for_long_and_is_taken_up_when_it_goes_on() {
    let given = Rc::new(Given::start().await);
    assert!(given.is_well().await);
    given.cluster.pause();
    let since = Instant::now();
    given.leaving.borrow().as_ref().expect("it runs").ask_to_end();
    let early = given.bear(since, AT_MOST).await;
    let before = given.server.peak_resident_kib();
    let late = given.bear(since, AT_MOST + 2 * SLACK).await;
    let grown = given.server.peak_resident_kib() - before;
    assert!(grown < 8 * 1024, "it goes on growing: {grown} KiB");
    let metrics = Caller::new(&given.server.admin).get("/metrics").await;
    assert!(metrics.text.contains("keywright_ready 0"), "{metrics:?}");
    judge(&early);
    judge(&late);
    // Whether or not it could write down what it knew.
    let ended = given.leaving.borrow_mut().as_mut().expect("it ran").ended();
    println!("the other server ended: {ended:?}");
    given.cluster.wake();
    assert!(ended.is_some(), "a server that was told to stop waits for a database that hangs");
    println!("recovered after {:?}", given.recovers().await);
    given.goes_on().await;
}

#[actix_web::test]
async fn a_postgresql_that_is_stopped_and_started_again_is_taken_up_again() {
    let given = Rc::new(Given::start().await);
    assert!(given.is_well().await);
    given.cluster.stop();
    let since = Instant::now();
    let told = given.bear(since, 3 * KNOWN_AFTER).await;
    judge(&told);
    given.cluster.run();
    println!("recovered after {:?}", given.recovers().await);
    given.cluster.restart();
    println!("recovered after {:?}", given.recovers().await);
    given.goes_on().await;
}
