//! What a verifier remembers, and what makes it forget. How long it does is tried beside its memory.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use client_rust::{Error, Verifier, api_types::VerifyKey};
use tokio::sync::{
    Mutex as AsyncMutex, Notify,
    mpsc::{UnboundedSender, unbounded_channel},
    oneshot,
};

use crate::scripted::{Clock, Scripted, Step, json, problem};

const ID: &str = "0193b1a0-0000-7000-8000-000000000001";
const OTHER: &str = "0193b1a0-0000-7000-8000-000000000002";

/// A server whose answers a test holds, and a verifier that has heard of it.
struct Given {
    server: Scripted,
    verifier: Verifier,
    verifications: Arc<AtomicUsize>,
    news: UnboundedSender<Step>,
    verdict: Arc<Mutex<String>>,
    /// Verifications wait for it while it is there.
    hold: Arc<Mutex<Option<Arc<Notify>>>>,
}

impl Given {
    async fn start() -> Self {
        let (news, told) = unbounded_channel();
        let told = Arc::new(AsyncMutex::new(told));
        let verifications = Arc::<AtomicUsize>::default();
        let verdict = Arc::new(Mutex::new(verdict("VALID", "null")));
        let hold = Arc::<Mutex<Option<Arc<Notify>>>>::default();
        let (counted, said, held) = (verifications.clone(), verdict.clone(), hold.clone());
        let server = Scripted::answering(move |request| {
            if !request.starts_with("POST /v1/keys/verify ") {
                let told = told.clone();
                return Step::Later(Box::pin(async move {
                    told.lock().await.recv().await.unwrap_or(Step::Cut)
                }));
            }
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = json(200, "", &said.lock().unwrap());
            match held.lock().unwrap().clone() {
                None => answer,
                Some(hold) => Step::Later(Box::pin(async move {
                    hold.notified().await;
                    answer
                })),
            }
        })
        .await;
        let verifier = Verifier::start(server.client().build().unwrap());
        let given = Self { server, verifier, verifications, news, verdict, hold };
        given.tell("").await;
        given
    }

    /// The feed tells of these changes; comes back when they have been taken to heart.
    async fn tell(&self, items: &str) {
        self.answer(json(200, "", &changes(items, false))).await;
    }

    /// The feed answers so, and is asked again.
    async fn answer(&self, step: Step) {
        self.server.asked_when(|all| feed(all) > 0).await;
        let before = feed(&self.server.asked());
        self.news.send(step).unwrap_or_else(|_| panic!("the server lives"));
        self.server.asked_when(|all| feed(all) > before).await;
    }

    async fn verify(&self, question: &VerifyKey) -> bool {
        self.verifier.verify(question).await.unwrap().is_valid()
    }

    fn asked(&self) -> usize {
        self.verifications.load(Ordering::SeqCst)
    }
}

fn changes(items: &str, reset: bool) -> String {
    format!(r#"{{"items":[{items}],"next":1,"reset":{reset},"max_age_ms":60000,"more":0}}"#)
}

fn verdict(code: &str, ratelimit: &str) -> String {
    let valid = code == "VALID";
    format!(
        r#"{{"valid":{valid},"code":"{code}","key_id":"{ID}","organization_id":"{OTHER}","name":"k","kind":"organization_key","scopes":[],"expires_at":null,"ratelimit":{ratelimit}}}"#
    )
}

fn question() -> VerifyKey {
    VerifyKey::new("kw_live_shown")
}

#[tokio::test]
async fn a_good_key_is_asked_for_once_until_it_changes() {
    let given = Given::start().await;
    assert!(given.verifier.is_following());
    assert!(given.verify(&question()).await && given.verify(&question()).await);
    assert_eq!(given.asked(), 1);
    given.tell(&format!("\"{OTHER}\"")).await;
    assert!(given.verify(&question()).await);
    assert_eq!(given.asked(), 1, "another key changed");
    *given.verdict.lock().unwrap() = verdict("REVOKED", "null");
    given.tell(&format!("\"{ID}\"")).await;
    assert!(!given.verify(&question()).await);
    assert_eq!(given.asked(), 2);
}

#[tokio::test]
async fn every_part_of_the_question_counts() {
    let given = Given::start().await;
    let questions = [
        question(),
        VerifyKey::new("kw_live_show"),
        VerifyKey { scopes: vec!["a".into()], ..question() },
        VerifyKey { scopes: vec!["a".into(), "b".into()], ..question() },
        VerifyKey { scopes: vec!["ab".into()], ..question() },
        VerifyKey { ip: Some("10.0.0.1".into()), ..question() },
        VerifyKey { cost: 2, ..question() },
    ];
    for _ in 0..2 {
        for question in &questions {
            given.verify(question).await;
        }
    }
    assert_eq!(given.asked(), questions.len());
    given.verify(&VerifyKey { explain: true, ..question() }).await;
    assert_eq!(given.asked(), questions.len() + 1, "explanations are not kept");
}

#[tokio::test]
async fn refusals_and_limited_keys_are_asked_for_each_time() {
    let given = Given::start().await;
    let limited = verdict("VALID", r#"{"limit":5,"remaining":4,"reset":12}"#);
    for told in [limited, verdict("EXPIRED", "null"), verdict("SOMETHING_NEW", "null")] {
        *given.verdict.lock().unwrap() = told;
        let before = given.asked();
        given.verify(&question()).await;
        given.verify(&question()).await;
        assert_eq!(given.asked(), before + 2);
    }
}

#[tokio::test]
async fn an_answer_that_was_under_way_during_a_change_is_not_kept() {
    let given = Given::start().await;
    let hold = Arc::new(Notify::new());
    *given.hold.lock().unwrap() = Some(hold.clone());
    let verifier = given.verifier.clone();
    let load = tokio::spawn(async move { verifier.verify(&question()).await.unwrap().is_valid() });
    given.server.asked_when(|all| all.iter().any(|one| one.starts_with("POST"))).await;
    given.tell(&format!("\"{ID}\"")).await;
    *given.hold.lock().unwrap() = None;
    hold.notify_one();
    assert!(load.await.unwrap(), "it was so when it was asked");
    given.verify(&question()).await;
    assert_eq!(given.asked(), 2);
}

#[tokio::test]
async fn a_server_that_has_forgotten_makes_the_verifier_forget() {
    let given = Given::start().await;
    given.verify(&question()).await;
    given.answer(json(200, "", &changes("", true))).await;
    given.verify(&question()).await;
    assert_eq!(given.asked(), 2);
}

#[tokio::test]
async fn an_interrupted_feed_is_taken_up_where_it_was_left() {
    let given = Given::start().await;
    given.verify(&question()).await;
    given.answer(problem(503, "unavailable", "")).await;
    assert!(!given.verifier.is_following());
    given.verify(&question()).await;
    assert_eq!(given.asked(), 1, "what is kept ages out");
    given.tell(&format!("\"{ID}\"")).await;
    assert!(given.verifier.is_following());
    given.verify(&question()).await;
    assert_eq!(given.asked(), 2);
    let feed = given.server.asked();
    let feed: Vec<_> = feed.iter().filter(|one| one.starts_with("GET")).collect();
    assert!(feed[0].starts_with("GET /v1/keys/changes?wait="), "{feed:?}");
    assert!(feed[1..].iter().all(|one| one.contains("since=1")), "{feed:?}");
}

#[tokio::test]
async fn without_a_feed_nothing_is_kept() {
    let server = Scripted::answering(|request| match request.starts_with("POST") {
        true => json(200, "", &verdict("VALID", "null")),
        false => problem(404, "not_found", ""),
    })
    .await;
    let verifier = Verifier::start(server.client().build().unwrap());
    server.asked_when(|all| !all.is_empty()).await;
    for _ in 0..2 {
        assert!(verifier.verify(&question()).await.unwrap().is_valid());
    }
    let posts = server.asked().iter().filter(|one| one.starts_with("POST")).count();
    assert_eq!(posts, 2);
}

#[tokio::test]
async fn the_feed_is_left_alone_when_the_last_verifier_is_gone() {
    let given = Given::start().await;
    let clone = given.verifier.clone();
    let Given { server, verifier, news, .. } = given;
    drop(verifier);
    let before = feed(&server.asked());
    news.send(json(200, "", &changes("", true))).unwrap_or_else(|_| panic!("it lives"));
    server.asked_when(|all| feed(all) > before).await;
    let (tell, gone) = oneshot::channel();
    news.send(Step::UntilGone(tell)).unwrap_or_else(|_| panic!("it lives"));
    drop(clone);
    // Far sooner than the question's own end.
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap().unwrap();
}

#[test]
fn nobody_follows_in_a_runtime_that_is_gone() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let given = runtime.block_on(Given::start());
    assert!(given.verifier.is_following());
    drop(runtime);
    assert!(!given.verifier.is_following());
}

#[tokio::test]
async fn a_pause_that_the_feed_names_is_kept_but_not_for_ever() {
    let given = Given::start().await;
    let before = feed(&given.server.asked());
    let clock = Clock::stop();
    let step = problem(503, "unavailable", "retry-after: 86400\r\n");
    given.news.send(step).unwrap_or_else(|_| panic!("the server lives"));
    clock.stand_until(|| !given.verifier.is_following()).await;
    let waited = clock.turn_until(|| feed(&given.server.asked()) > before).await;
    assert!((59..65).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test]
async fn a_feed_that_answers_at_once_is_asked_with_a_pause_whatever_it_tells() {
    let given = Given::start().await;
    let clock = Clock::stop();
    let changed = format!("\"{OTHER}\"");
    let mut pauses = Vec::new();
    for items in ["", &changed, ""] {
        let before = feed(&given.server.asked());
        let step = json(200, "", &changes(items, false));
        given.news.send(step).unwrap_or_else(|_| panic!("the server lives"));
        pauses.push(clock.turn_until(|| feed(&given.server.asked()) > before).await);
    }
    // The first question was asked before the clock stood still.
    assert!(pauses[1..].iter().all(|pause| pause.as_millis() >= 250), "{pauses:?}");
}

#[tokio::test]
async fn whoever_is_to_be_let_in_does_not_wait_as_long_as_a_client_would() {
    let server = Scripted::answering(|_| Step::Silence).await;
    let verifier = Verifier::start(server.client().build().unwrap());
    let clock = Clock::stop();
    let asked = verifier.clone();
    let answer = tokio::spawn(async move { asked.verify(&question()).await.map(drop) });
    let waited = clock.turn_until(|| answer.is_finished()).await;
    assert!(matches!(answer.await.unwrap(), Err(Error::TimedOut { .. })));
    assert!((6..10).contains(&waited.as_secs()), "two attempts of three seconds: {waited:?}");
    let posts = server.asked().iter().filter(|one| one.starts_with("POST")).count();
    assert_eq!(posts, 2);
}

/// How often the feed was asked.
fn feed(all: &[String]) -> usize {
    all.iter().filter(|one| one.starts_with("GET")).count()
}
