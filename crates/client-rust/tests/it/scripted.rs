//! A server that answers what a test wrote down, byte by byte, and keeps what it was asked.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use client_rust::{Client, ClientBuilder, Retry};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::AbortHandle,
};

/// The key that callers have.
pub(crate) const KEY: &str = "kw_live_not-to-be-seen-anywhere";

/// What happens to one request.
pub(crate) enum Step {
    /// These bytes, and then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes for ever again, after the first.
    Endless(Vec<u8>, Vec<u8>),
    /// No answer; the connection stays.
    Silence,
    /// No answer; the connection ends.
    Cut,
    /// No answer, until the caller ends the connection, which is told.
    UntilGone(oneshot::Sender<()>),
    /// What comes of this.
    Later(Pin<Box<dyn Future<Output = Step> + Send>>),
}

/// An answer with a body of JSON.
pub(crate) fn json(status: u16, headers: &str, body: &str) -> Step {
    answer(status, &format!("content-type: application/json\r\n{headers}"), body)
}

pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Step {
    let length = body.len();
    Step::Bytes(
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
            .into_bytes(),
    )
}

/// A problem document.
pub(crate) fn problem(status: u16, code: &str, headers: &str) -> Step {
    let body = format!(
        r##"{{"type":"/docs/errors#{code}","title":"t","status":{status},"detail":"so it is","code":"{code}","request_id":"r-1","errors":[{{"code":"{code}","detail":"so it is","attr":"/name"}}],"later":1}}"##
    );
    json(status, headers, &body)
}

/// Somebody's answer to `whoami`, with a member of a later version.
pub(crate) fn whoami() -> Step {
    let id = "0193b1a0-0000-7000-8000-000000000000";
    json(
        200,
        "",
        &format!(
            r#"{{"kind":"organization_key","organization":{{"id":"{id}","slug":"acme","plan":"big"}},"scopes":[],"key_name":"k","expires_at":null,"colour":"red"}}"#
        ),
    )
}

/// The server.
pub(crate) struct Scripted {
    pub(crate) base: String,
    asked: watch::Receiver<Vec<String>>,
    task: AbortHandle,
}

impl Scripted {
    /// Answers by these steps, one after the other; what comes after is cut.
    pub(crate) async fn start(steps: impl IntoIterator<Item = Step>) -> Self {
        let steps: Arc<Mutex<VecDeque<Step>>> = Arc::new(Mutex::new(steps.into_iter().collect()));
        Self::answering(move |_| steps.lock().unwrap().pop_front().unwrap_or(Step::Cut)).await
    }

    /// Answers as the function says.
    pub(crate) async fn answering(answer: impl Fn(&str) -> Step + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = watch::channel(Vec::new());
        let (tell, answer) = (Arc::new(tell), Arc::new(answer));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tell, answer) = (tell.clone(), answer.clone());
                tokio::spawn(async move {
                    let _ = serve(stream, &tell, &*answer).await;
                });
            }
        });
        Self { base, asked, task: task.abort_handle() }
    }

    /// A client of it that does not wait long between attempts.
    pub(crate) fn client(&self) -> ClientBuilder {
        let pause = Duration::from_millis(1);
        let retry = Retry { first_pause: pause, longest_pause: pause, ..Retry::default() };
        Client::builder(&self.base).key(KEY).retry(retry).product("test/1")
    }

    /// The requests so far: head and body.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// The same, as soon as `is_enough` of them.
    pub(crate) async fn asked_when(&self, is_enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        let mut asked = self.asked.clone();
        let patience = Duration::from_secs(20);
        let waited = tokio::time::timeout(patience, asked.wait_for(|asked| is_enough(asked))).await;
        waited.expect("it is asked in time").expect("the server lives").clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    tell: &watch::Sender<Vec<String>>,
    answer: &(dyn Fn(&str) -> Step + Send + Sync),
) -> std::io::Result<()> {
    let request = read(&mut stream).await?;
    let mut step = answer(&request);
    tell.send_modify(|asked| asked.push(request));
    if let Step::Later(later) = step {
        step = later.await;
    }
    match step {
        Step::Bytes(bytes) => stream.write_all(&bytes).await?,
        Step::Endless(first, again) => {
            stream.write_all(&first).await?;
            loop {
                stream.write_all(&again).await?;
            }
        }
        Step::Silence => std::future::pending().await,
        Step::UntilGone(tell) => {
            while stream.read(&mut [0]).await.is_ok_and(|count| count > 0) {}
            let _ = tell.send(());
        }
        Step::Cut | Step::Later(_) => {}
    }
    stream.shutdown().await
}

/// A request, whole.
async fn read(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await?;
        text += &String::from_utf8_lossy(&buffer[..count]);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(count > 0, "half a request: {text}");
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if count == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Ok(text);
        }
    }
}

/// Tokio's clock, which stands still but when the test turns it on; the network goes on meanwhile.
pub(crate) struct Clock {
    _held: std::sync::mpsc::Sender<()>,
}

impl Clock {
    pub(crate) fn stop() -> Self {
        tokio::time::pause();
        // Tokio does not turn its clock on by itself while something blocks.
        let (held, until) = std::sync::mpsc::channel();
        tokio::task::spawn_blocking(move || until.recv());
        Self { _held: held }
    }

    /// Turns the clock on until it is so; for how long it was turned.
    pub(crate) async fn turn_until(&self, is_so: impl Fn() -> bool) -> Duration {
        let start = tokio::time::Instant::now();
        while !is_so() {
            assert!(start.elapsed() < Duration::from_secs(600), "it is never so");
            // The network has time for what goes on already.
            self.idle().await;
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        start.elapsed()
    }

    /// Waits until it is so, while the clock stands still.
    pub(crate) async fn stand_until(&self, is_so: impl Fn() -> bool) {
        let start = std::time::Instant::now();
        while !is_so() {
            assert!(start.elapsed() < Duration::from_secs(20), "it is not so in time");
            tokio::task::yield_now().await;
        }
    }

    async fn idle(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

/// A header of a request.
pub(crate) fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let head = request.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
