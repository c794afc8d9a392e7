//! What a service forgets that remembers a server's verdicts: at once what it hears of, and after its
//! time what it does not.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use auth_tower::{Client, Retry, Verifier};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::Response,
};
use serde_json::json;
use test_support::{app::TestApp, databases::Database};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::interval};

use super::doors::{Door, Sent, actix_door, axum_door};

/// How long an answer is kept where no news comes.
const MAX_AGE: Duration = Duration::from_millis(400);
/// However slow the machine is.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client of the server at `base`, with the platform key of a test's organization.
pub(super) fn client(base: &str, key: &str) -> Client {
    Client::builder(base).key(key).retry(Retry::NEVER).build().unwrap()
}

/// A verifier that hears of changes by now.
async fn following(client: Client, max_age: Duration) -> Verifier {
    let verifier = Verifier::builder(client).max_age(max_age).start();
    let mut again = interval(Duration::from_millis(10));
    let started = Instant::now();
    while !verifier.is_following() {
        assert!(started.elapsed() < PATIENCE, "the feed is followed");
        again.tick().await;
    }
    verifier
}

async fn doors(verifier: &Verifier) -> [Door; 2] {
    [
        axum_door("axum-remote", None, verifier.clone()),
        actix_door("actix-remote", None, verifier.clone()).await,
    ]
}

async fn status(door: &Door, key: &str) -> (u16, String) {
    let headers = vec![("authorization", format!("Bearer {key}"))];
    let told = door.call(Sent { headers, from: None }).await;
    (told.status, told.code)
}

/// A key that is let in, and its address for management.
async fn given_key(app: &TestApp) -> (String, String) {
    let draft = json!({"name": "remembered", "scopes": ["orders:read"]});
    let made = app.platform().post("/v1/api-keys", draft).await.created();
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    (made["key"].as_str().unwrap().to_owned(), path)
}

/// Both services let the key in, from memory, until a revocation is heard of or the answer is too old.
async fn a_revocation_ends_what_is_remembered(
    app: &TestApp,
    verifier: &Verifier,
    before: impl FnOnce(),
) {
    let (key, path) = given_key(app).await;
    let doors = doors(verifier).await;
    for door in &doors {
        assert_eq!(status(door, &key).await.0, 200, "{}", door.name);
    }
    before();
    app.platform().post(&format!("{path}/revoke"), json!({})).await.ok();
    let (started, mut again) = (Instant::now(), interval(Duration::from_millis(10)));
    for door in &doors {
        loop {
            match status(door, &key).await {
                (401, code) => {
                    assert_eq!(code, "key_revoked", "{}", door.name);
                    break;
                }
                (code, _) => assert_eq!(code, 200, "{}: as long as it is remembered", door.name),
            }
            assert!(started.elapsed() < PATIENCE, "{}: it is remembered for good", door.name);
            again.tick().await;
        }
    }
}

/// Nothing is too old in this test: what ends a memory is news.
#[actix_web::test]
async fn a_revocation_reaches_guarded_services_by_the_feed() {
    let app = crate::start(Database::sqlite()).await;
    let verifier = following(client(&app.base, app.platform_key()), Duration::MAX).await;
    a_revocation_ends_what_is_remembered(&app, &verifier, || {}).await;
    assert!(verifier.is_following());
}

/// No news comes in this test: what ends a memory is its age.
#[actix_web::test]
async fn without_the_feed_a_revocation_holds_within_the_ceiling() {
    let app = crate::start(Database::sqlite()).await;
    let between = Between::start(&app.base).await;
    let verifier = following(client(&between.base, app.platform_key()), MAX_AGE).await;
    a_revocation_ends_what_is_remembered(&app, &verifier, || between.cut_the_feed()).await;
}

#[actix_web::test]
async fn a_server_that_is_away_is_no_refusal_and_no_pass() {
    let app = crate::start(Database::sqlite()).await;
    let (key, _) = given_key(&app).await;
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let away = Verifier::start(client(&format!("http://{gone}"), app.platform_key()));
    // A key of the service's own that the server does not take is its fault, not its callers'.
    let foreign = Verifier::start(client(&app.base, &key));
    for verifier in [away, foreign] {
        for door in doors(&verifier).await {
            assert_eq!(status(&door, &key).await, (503, "unavailable".to_owned()), "{}", door.name);
        }
    }
}

/// A proxy before a server, which can cut the feed of changes and nothing else.
struct Between {
    base: String,
    is_cut: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

struct Behind {
    base: String,
    client: reqwest::Client,
    is_cut: watch::Receiver<bool>,
}

impl Between {
    async fn start(base: &str) -> Self {
        let (is_cut, heard) = watch::channel(false);
        let behind =
            Behind { base: base.to_owned(), client: reqwest::Client::new(), is_cut: heard };
        let router = Router::new().fallback(hand_on).with_state(Arc::new(behind));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let serving = async move { axum::serve(listener, router).await.unwrap() };
        Self { base, is_cut, serving: tokio::spawn(serving) }
    }

    fn cut_the_feed(&self) {
        self.is_cut.send_replace(true);
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn hand_on(State(behind): State<Arc<Behind>>, request: Request) -> Response {
    let is_feed = request.uri().path() == "/v1/keys/changes";
    let mut is_cut = behind.is_cut.clone();
    tokio::select! {
        biased;
        _ = is_cut.wait_for(|is_cut| *is_cut), if is_feed => {
            Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).unwrap()
        }
        answer = answer(&behind, request) => answer,
    }
}

async fn answer(behind: &Behind, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut asked = behind.client.request(parts.method, format!("{}{}", behind.base, parts.uri));
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE] {
        if let Some(value) = parts.headers.get(&name) {
            asked = asked.header(name, value);
        }
    }
    let answered = asked.body(to_bytes(body, 1 << 20).await.unwrap()).send().await.unwrap();
    let mut response = Response::builder().status(answered.status());
    if let Some(value) = answered.headers().get(header::CONTENT_TYPE) {
        response = response.header(header::CONTENT_TYPE, value);
    }
    response.body(Body::from(answered.bytes().await.unwrap())).unwrap()
}
