//! A service that workflows call: it answers as its path says, and notes who called.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    body::{BodySize, MessageBody},
    dev::ServerHandle,
    web::{self, Bytes},
};
use serde_json::{Value, json};

/// So much does it answer where it is asked for too much.
const TOO_MUCH: usize = 1 << 30;
static PIECE: [u8; 1 << 16] = [b'x'; 1 << 16];

/// The service; it ends with this.
pub(crate) struct Service {
    /// `http://127.0.0.1:port`.
    pub(crate) base: String,
    calls: Arc<Calls>,
    handle: ServerHandle,
}

#[derive(Default)]
struct Calls(Mutex<BTreeMap<String, usize>>);

impl Service {
    pub(crate) fn start() -> Self {
        let calls = web::Data::new(Calls::default());
        let state = calls.clone();
        let server = HttpServer::new(move || {
            App::new().app_data(state.clone()).default_service(web::to(answer))
        });
        // Who hangs up is noticed at once.
        let server =
            server.workers(1).h1_allow_half_closed(false).bind(("127.0.0.1", 0)).expect("a port");
        let base = format!("http://{}", server.addrs()[0]);
        let server = server.disable_signals().run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { base, calls: calls.into_inner(), handle }
    }

    /// How often each path was called.
    pub(crate) fn calls(&self) -> BTreeMap<String, usize> {
        self.calls.0.lock().expect("no panic").clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Begun, not waited for: nobody asks any more.
        actix_web::rt::spawn(self.handle.stop(false));
    }
}

/// Notes that whoever waits for an answer has left, or has it.
struct Leaving(Arc<Calls>);

impl Drop for Leaving {
    fn drop(&mut self) {
        *self.0.0.lock().expect("no panic").entry("left".into()).or_default() += 1;
    }
}

/// A body of a size that is not told before.
struct TooMuch {
    left: usize,
}

impl MessageBody for TooMuch {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        Poll::Ready(Some(Ok(Bytes::from_static(&PIECE))))
    }
}

async fn answer(request: HttpRequest, body: Bytes, calls: web::Data<Calls>) -> HttpResponse {
    let path = request.path().to_owned();
    let times = {
        let mut calls = calls.0.lock().expect("no panic");
        let times = calls.entry(path.clone()).or_default();
        *times += 1;
        *times
    };
    let mut parts = path.trim_start_matches('/').split('/');
    match (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
        ("echo", _) => HttpResponse::Ok().json(told(&request, &body)),
        ("status", code) => {
            let code = code.parse::<u16>().ok().and_then(|code| code.try_into().ok());
            HttpResponse::build(code.expect("a status")).json(json!({"path": path}))
        }
        ("busy-twice", _) if times <= 2 => {
            HttpResponse::ServiceUnavailable().insert_header(("Retry-After", "0")).finish()
        }
        ("redirect", _) => {
            let to = request.query_string().trim_start_matches("to=").to_owned();
            HttpResponse::Found().insert_header(("Location", to)).finish()
        }
        ("too-much", _) => HttpResponse::Ok().body(TooMuch { left: TOO_MUCH / PIECE.len() }),
        ("slow", _) => {
            let _leaving = Leaving(calls.into_inner());
            actix_web::rt::time::sleep(std::time::Duration::from_secs(60)).await;
            HttpResponse::Ok().finish()
        }
        _ => HttpResponse::Ok().json(json!({"times": times})),
    }
}

fn told(request: &HttpRequest, body: &[u8]) -> Value {
    let headers = request.headers().iter().map(|(name, value)| {
        (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes())))
    });
    json!({
        "method": request.method().as_str(),
        "path": request.path(),
        "query": request.query_string(),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
        "body": String::from_utf8_lossy(body),
    })
}
