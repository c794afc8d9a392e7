//! A tiny server of the tests: answers each connection with what it is told to write, and remembers
//! what it was sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Ends with the test.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

/// What is written to one connection after its request was read.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes, then the end.
    Text(String),
    /// A head, and then one MiB after the other for as long as they are taken.
    Endless(String),
    /// A head, and then nothing.
    Silent(String),
}

impl TestServer {
    /// The replies in their order; after the last, the last again.
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            for at in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let reply = replies.get(at).or(replies.last()).unwrap().clone();
                tokio::spawn(answer(stream, reply, Arc::clone(&log)));
            }
        });
        Self { address, heard, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked for so far, heads and bodies in lower case.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer with a length.
pub(crate) fn text(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Text(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

async fn answer(mut stream: TcpStream, reply: Reply, log: Arc<Mutex<Vec<String>>>) {
    let mut asked = Vec::new();
    while !is_whole(&asked) {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(count) => asked.extend_from_slice(&piece[..count]),
        }
    }
    log.lock().unwrap().push(String::from_utf8_lossy(&asked).to_lowercase());
    match reply {
        Reply::Text(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
        }
        Reply::Endless(head) => {
            let _ = stream.write_all(head.as_bytes()).await;
            let piece = vec![b'x'; 1 << 20];
            while stream.write_all(&piece).await.is_ok() {}
        }
        Reply::Silent(head) => {
            let _ = stream.write_all(head.as_bytes()).await;
            // Until whoever asked gives up.
            let _ = stream.read(&mut [0]).await;
        }
    }
}

/// Whether all of a request is there, or what is no HTTP and will never be whole: a handshake of TLS.
fn is_whole(asked: &[u8]) -> bool {
    if asked.first() == Some(&0x16) {
        return true;
    }
    let text = String::from_utf8_lossy(asked).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.trim().parse().unwrap())
}
