//! A receiver of webhooks that trusts what the published package `standardwebhooks` verifies.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::python_server::PythonServer;

const PROGRAM: &str = include_str!("../programs/webhook_receiver.py");

/// What a receiver does with each request, once it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers 204.
    Good,
    /// Answers this status.
    Status(u16),
    /// Answers this status, and after how many seconds to come again.
    RetryAfter(u16, u32),
    /// Answers 302, and leads there.
    RedirectTo(String),
    /// Never answers.
    Hang,
    /// Answers 200 and never ends.
    Endless,
}

/// A running receiver on a free port of this machine; ends with the test.
pub struct WebhookReceiver {
    /// What a webhook's `url` is.
    pub url: String,
    server: PythonServer,
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// `webhook-id`
    pub id: String,
    /// `webhook-timestamp`, in seconds since 1970.
    pub timestamp: i64,
    /// All headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as it was sent.
    pub text: String,
    /// The body as JSON.
    pub body: Value,
    /// Why the package does not trust it; `None`: it does.
    pub why_not: Option<String>,
}

impl WebhookReceiver {
    /// A receiver for tests that hold the time: of a signature's age alone it does not complain.
    pub fn start(behaviour: &Behaviour) -> Self {
        Self::begin(behaviour, false)
    }

    /// A receiver that takes no signature of another time than its own.
    pub fn start_strict(behaviour: &Behaviour) -> Self {
        Self::begin(behaviour, true)
    }

    fn begin(behaviour: &Behaviour, is_strict: bool) -> Self {
        let settings = json!({"port": 0, "behaviour": told(behaviour), "is_strict": is_strict});
        let server = PythonServer::start(PROGRAM, &settings, "request");
        Self { url: format!("http://127.0.0.1:{}/hook", server.port), server }
    }

    /// From now on it trusts what is signed under this secret.
    pub fn trust(&self, secret: &str) {
        self.server.tell(&json!({"secret": secret}));
    }

    /// From now on it behaves so.
    pub fn behave(&self, behaviour: &Behaviour) {
        self.server.tell(&json!({"behaviour": told(behaviour)}));
    }

    /// What it was sent so far.
    pub fn received(&self) -> Vec<Received> {
        self.server.told().iter().map(request).collect()
    }

    /// What it was sent as soon as that are `count` requests or more.
    pub async fn received_when(&self, count: usize) -> Vec<Received> {
        let told = self.server.told_when(|told| told.len() >= count).await;
        told.iter().map(request).collect()
    }
}

fn told(behaviour: &Behaviour) -> Value {
    let answer = |status: u16, headers: Value| json!({"status": status, "headers": headers});
    match behaviour {
        Behaviour::Good => answer(204, json!({})),
        Behaviour::Status(status) => answer(*status, json!({})),
        Behaviour::RetryAfter(status, seconds) => {
            answer(*status, json!({"retry-after": seconds.to_string()}))
        }
        Behaviour::RedirectTo(url) => answer(302, json!({"location": url})),
        Behaviour::Hang => json!("hang"),
        Behaviour::Endless => json!("endless"),
    }
}

fn request(told: &Value) -> Received {
    let headers: BTreeMap<String, String> = told["headers"]
        .as_object()
        .expect("headers")
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned()))
        .collect();
    let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
    let text = told["body"].as_str().expect("a text").to_owned();
    Received {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().unwrap_or_default(),
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
        why_not: told["why_not"].as_str().map(str::to_owned),
        headers,
    }
}
