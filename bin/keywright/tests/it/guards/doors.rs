//! Two services of others, one of axum and one of actix-web, as their authors would guard them.

use std::{
    collections::HashMap,
    net::IpAddr,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use access_domain::Clock as _;
use actix_web::{App, dev::ServiceRequest, test as actix_test, web};
use auth_actix::KeyGuard;
use auth_tower::{KeyLayer, Verifier};
use axum::{Extension, Router, body::Body, http, routing::get};
use keys_core::{CheckedKey, Checker, Digest, Key, KeyCheck, KeyId, KeyStore, KnownKey, Pepper};
use serde_json::Value;
use test_support::app::TestApp;
use tower_service::Service as _;

use super::remote::client;

/// What a request carries.
pub(crate) struct Sent {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) from: Option<&'static str>,
}

/// How it was answered.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) status: u16,
    /// Of the problem document, where it is one.
    pub(crate) code: String,
    /// The scopes that the handler saw, where it was asked.
    pub(crate) handler: Option<String>,
    pub(crate) body: Value,
    headers: HashMap<String, String>,
}

impl Told {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn of(status: u16, headers: HashMap<String, String>, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let code = body["code"].as_str().unwrap_or_default().to_owned();
        let handler = text.strip_prefix("let in: ").map(str::to_owned);
        Self { status, code, handler, body, headers }
    }
}

type Answering = Pin<Box<dyn Future<Output = Told>>>;

/// A guarded service.
pub(crate) struct Door {
    pub(crate) name: &'static str,
    table: Option<Table>,
    call: Box<dyn Fn(Sent) -> Answering>,
}

impl Door {
    pub(crate) async fn call(&self, sent: Sent) -> Told {
        (self.call)(sent).await
    }

    /// A service with a store of its own has the key there.
    pub(crate) fn know(&self, plaintext: &str, key: Key<String>) {
        if let Some(table) = &self.table {
            table.insert(plaintext, key);
        }
    }
}

/// A store of one's own.
#[derive(Clone, Default)]
pub(super) struct Table(Arc<Mutex<HashMap<[u8; 32], KnownKey<String>>>>);

impl Table {
    fn insert(&self, plaintext: &str, key: Key<String>) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = KeyId::from_u128(keys.len() as u128);
        keys.insert(*pepper().digest(plaintext).as_bytes(), KnownKey { id, key });
    }
}

impl KeyStore for Table {
    type Owner = String;
    type Error = std::convert::Infallible;

    async fn find(&self, digest: &Digest) -> Result<Option<KnownKey<String>>, Self::Error> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.get(digest.as_bytes()).cloned())
    }
}

struct BurntDown;

impl KeyStore for BurntDown {
    type Owner = String;
    type Error = std::io::Error;

    async fn find(&self, _: &Digest) -> Result<Option<KnownKey<String>>, Self::Error> {
        Err(std::io::Error::other("the table burnt down"))
    }
}

fn pepper() -> Pepper {
    Pepper::new(b"the pepper of another service, which is long").unwrap()
}

/// Every guarded service, each with keys of its own.
pub(crate) async fn all(app: &TestApp) -> Vec<Door> {
    let (of_axum, of_actix) = (Table::default(), Table::default());
    let checker = |table: &Table| {
        let clock = Arc::clone(&app.clock);
        Checker::new(table.clone(), pepper(), move || clock.now())
    };
    let remote = || Verifier::start(client(&app.base, app.platform_key()));
    vec![
        axum_door("axum-own", Some(of_axum.clone()), checker(&of_axum)),
        actix_door("actix-own", Some(of_actix.clone()), checker(&of_actix)).await,
        axum_door("axum-remote", None, remote()),
        actix_door("actix-remote", None, remote()).await,
    ]
}

/// The same, with nobody there who knows keys.
pub(crate) async fn without_anybody_to_ask() -> Vec<Door> {
    let checker = || Checker::new(BurntDown, pepper(), || keys_core::Timestamp::UNIX_EPOCH);
    vec![axum_door("axum-own", None, checker()), actix_door("actix-own", None, checker()).await]
}

const FROM: &str = "x-test-from";

fn address(sent: Option<&str>) -> Option<IpAddr> {
    sent.and_then(|from| from.parse().ok())
}

/// What the handlers of both services say.
fn let_in<O>(key: &CheckedKey<O>) -> String {
    let scopes: Vec<&str> = key.scopes.iter().map(keys_core::Scope::as_str).collect();
    format!("let in: {}", scopes.join(" "))
}

fn headers_of(sent: Sent) -> Vec<(&'static str, String)> {
    let mut headers = sent.headers;
    headers.push(("x-request-id", "asked-by-a-test".to_owned()));
    headers.extend(sent.from.map(|from| (FROM, from.to_owned())));
    headers
}

pub(super) fn axum_door<C: KeyCheck + 'static>(
    name: &'static str,
    table: Option<Table>,
    keys: C,
) -> Door {
    let layer = KeyLayer::new(keys).scope("orders:read".parse().unwrap()).address(|request| {
        address(request.headers.get(FROM).and_then(|value| value.to_str().ok()))
    });
    let handler = |Extension(key): Extension<CheckedKey<C::Owner>>| async move { let_in(&key) };
    let service: Router = Router::new().route("/orders", get(handler)).layer(layer);
    let call = move |sent: Sent| -> Answering {
        let mut service = service.clone();
        Box::pin(async move {
            let request = http::Request::get("/orders");
            let request = headers_of(sent)
                .into_iter()
                .fold(request, |request, (name, value)| request.header(name, value));
            let answer = service.call(request.body(Body::empty()).unwrap()).await.unwrap();
            let (parts, body) = answer.into_parts();
            let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
            let headers =
                parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            Told::of(parts.status.as_u16(), headers, &body)
        })
    };
    Door { name, table, call: Box::new(call) }
}

pub(super) async fn actix_door<C: KeyCheck + 'static>(
    name: &'static str,
    table: Option<Table>,
    keys: C,
) -> Door {
    let guard = KeyGuard::new(keys).scope("orders:read".parse().unwrap()).address(
        |request: &ServiceRequest| {
            address(request.headers().get(FROM).and_then(|value| value.to_str().ok()))
        },
    );
    let handler = |key: web::ReqData<CheckedKey<C::Owner>>| async move { let_in(&key) };
    let service = App::new().wrap(guard).route("/orders", web::get().to(handler));
    let service = Rc::new(actix_test::init_service(service).await);
    let call = move |sent: Sent| -> Answering {
        let service = Rc::clone(&service);
        Box::pin(async move {
            let request = headers_of(sent)
                .into_iter()
                .fold(actix_test::TestRequest::get().uri("/orders"), |request, header| {
                    request.append_header(header)
                });
            let answer = actix_test::call_service(&*service, request.to_request()).await;
            let status = answer.status().as_u16();
            let text =
                |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
            let headers =
                answer.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
            let headers = headers.collect();
            Told::of(status, headers, &actix_test::read_body(answer).await)
        })
    };
    Door { name, table, call: Box::new(call) }
}
