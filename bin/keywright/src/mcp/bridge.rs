//! One client's messages on their way to the server, and what comes back.

use std::{
    cell::RefCell,
    collections::HashMap,
    io::{Write as _, stdout},
    rc::Rc,
    time::Duration,
};

use outbound::{HttpCall, HttpClient, HttpStream, NetworkPolicy};
use serde_json::{Value, json};
use tokio::task::{AbortHandle, JoinSet};

use super::{
    answer::{Kind, Messages, kind, refusal},
    complain,
};

/// Longer than the server has anybody wait.
const PATIENCE: Duration = Duration::from_secs(330);
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// Requests at once; a client that has more of them waits for none.
const MOST_AT_ONCE: usize = 64;
/// From this version on each request says itself by which it speaks, and headers repeat what it asks for.
const SELF_CONTAINED: &str = "2026-07-28";
const VERSION_OF_REQUEST: &str = "io.modelcontextprotocol/protocolVersion";
/// What the server, or the way there, failed with (JSON-RPC 2.0, 5.1: left to servers).
const SERVER_ERROR: i32 = -32000;
const PARSE_ERROR: i32 = -32700;

/// What stands between a client and a server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Bridge(Rc<Ends>);

struct Ends {
    client: HttpClient,
    url: String,
    key: String,
    /// The version that was agreed on by `initialize`.
    version: RefCell<Option<String>>,
    /// Requests that are not answered yet, by their ids.
    under_way: RefCell<HashMap<String, AbortHandle>>,
}

impl Bridge {
    pub(super) fn new(url: String, key: String) -> Self {
        // The operator wrote the address: it may be anywhere. No redirect is followed, since the key would follow it.
        let client = HttpClient::new(NetworkPolicy::anywhere());
        let (version, under_way) = (RefCell::default(), RefCell::default());
        Self(Rc::new(Ends { client, url, key, version, under_way }))
    }

    /// Takes one line of the client; what it asks for is done in `tasks`.
    pub(super) fn take(&self, line: &[u8], tasks: &mut JoinSet<()>) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Ok(message) = serde_json::from_slice::<Value>(line) else {
            return say(&fault(&Value::Null, PARSE_ERROR, "this line is not JSON", Value::Null));
        };
        let method = message.get("method").and_then(Value::as_str);
        if method == Some("notifications/cancelled") {
            // The server knows nothing of other requests: it hears of this by the one that nobody listens to any more.
            let id = message.pointer("/params/requestId").map(Value::to_string);
            let given_up = id.and_then(|id| self.0.under_way.borrow_mut().remove(&id));
            return given_up.iter().for_each(AbortHandle::abort);
        }
        let id = message.get("id").filter(|id| !id.is_null()).cloned();
        if let (Some(id), true) = (&id, tasks.len() >= MOST_AT_ONCE) {
            return say(&fault(id, SERVER_ERROR, "too many requests at once", Value::Null));
        }
        let bridge = self.clone();
        let name = id.as_ref().map(Value::to_string);
        let task = tasks.spawn_local(async move { bridge.pass_on(message, id).await });
        if let Some(name) = name {
            self.0.under_way.borrow_mut().insert(name, task);
        }
    }

    /// Says of every request that is not answered yet that it will not be; whether there were none.
    pub(super) fn give_up(&self) -> bool {
        let left = self.0.under_way.take();
        for name in left.keys() {
            let id: Value = serde_json::from_str(name).unwrap_or_default();
            say(&fault(
                &id,
                SERVER_ERROR,
                "standard input ended before the answer came",
                Value::Null,
            ));
        }
        left.is_empty()
    }

    async fn pass_on(&self, message: Value, id: Option<Value>) {
        let is_initialize = message.get("method").is_some_and(|method| method == "initialize");
        let answered = self.exchange(&message, id.as_ref(), is_initialize).await;
        let Some(id) = id else { return };
        if let Err((what, data)) = answered {
            complain(&what);
            say(&fault(&id, SERVER_ERROR, &what, data));
        }
        self.0.under_way.borrow_mut().remove(&id.to_string());
    }

    /// Asks the server and says what it answers.
    async fn exchange(
        &self,
        message: &Value,
        id: Option<&Value>,
        is_initialize: bool,
    ) -> Result<(), (String, Value)> {
        let plain = |what: String| (what, Value::Null);
        let opened = self.0.client.open(self.call(message)).await;
        let mut answer = opened.map_err(|error| plain(format!("no answer: {error}")))?;
        let kind = kind(answer.status, &answer.headers);
        if kind == Kind::Refusal {
            return Err(refusal(answer.status, &whole(&mut answer).await));
        }
        let mut messages = Messages::new(kind);
        let mut is_answered = id.is_none();
        loop {
            let chunk = answer.chunk().await;
            let chunk = chunk.map_err(|error| plain(format!("the answer broke off: {error}")))?;
            let is_last = chunk.is_none();
            for said in messages.take(chunk.as_deref()) {
                is_answered = is_answered || said.get("method").is_none() && said.get("id") == id;
                if is_initialize && let Some(agreed) = said.pointer("/result/protocolVersion") {
                    *self.0.version.borrow_mut() = agreed.as_str().map(str::to_owned);
                }
                say(&said);
            }
            if is_answered && id.is_some() {
                return Ok(());
            }
            if is_last {
                let early = || {
                    plain("the server's answer ended before it was complete, or was no message of the protocol".into())
                };
                return if is_answered { Ok(()) } else { Err(early()) };
            }
        }
    }

    fn call(&self, message: &Value) -> HttpCall {
        let mut headers = vec![
            ("authorization".to_owned(), format!("Bearer {}", self.0.key)),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("accept".to_owned(), "application/json, text/event-stream".to_owned()),
        ];
        let own = message.pointer("/params/_meta").and_then(|meta| meta.get(VERSION_OF_REQUEST));
        let version = own.and_then(Value::as_str).map(str::to_owned);
        if let Some(version) = version.or_else(|| self.0.version.borrow().clone()) {
            if version.as_str() >= SELF_CONTAINED {
                let told = [("mcp-method", "/method"), ("mcp-name", "/params/name")];
                headers.extend(told.into_iter().filter_map(|(header, pointer)| {
                    let value = message.pointer(pointer)?.as_str()?;
                    Some((header.to_owned(), value.to_owned()))
                }));
            }
            headers.push(("mcp-protocol-version".to_owned(), version));
        }
        HttpCall {
            method: "POST".into(),
            url: self.0.url.clone(),
            headers,
            body: message.to_string().into_bytes(),
            timeout: PATIENCE,
            max_response_bytes: MAX_ANSWER_BYTES,
            max_redirects: 0,
        }
    }
}

/// A refusal's document, or as much as came of it.
async fn whole(answer: &mut HttpStream) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
    }
    body
}

fn fault(id: &Value, code: i32, message: &str, data: Value) -> Value {
    let mut error = json!({"code": code, "message": message});
    if let (false, Some(members)) = (data.is_null(), error.as_object_mut()) {
        members.insert("data".into(), data);
    }
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}

/// One message, on one line. A client that no longer reads is about to close standard input as well.
fn say(message: &Value) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{message}").and_then(|()| out.flush());
}
