//! Callers who send slowly, and some who never come to an end.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Caller;
use crate::answer::Answer;

impl Caller {
    /// `POST` of JSON in two parts, with `between` done between them.
    pub async fn post_slowly(
        &self,
        path: &str,
        first: &str,
        second: &str,
        between: impl AsyncFnOnce(),
    ) -> Answer {
        let mut stream = self.begin_post(path, first, first.len() + second.len()).await;
        between().await;
        stream.write_all(second.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        self.told(Answer::read(&String::from_utf8(answer).expect("text")))
    }

    /// `POST` of JSON whose end never comes: the caller hangs up.
    pub async fn post_and_hang_up(&self, path: &str, first: &str) {
        drop(self.begin_post(path, first, first.len() + 1).await);
    }

    /// Sends the beginning of a body of `length` bytes, and waits until the server has seen it.
    async fn begin_post(&self, path: &str, first: &str, length: usize) -> TcpStream {
        let address = self.base.strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-type: application/json\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{first}"
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        // Answered by the same server afterwards: what was sent before has been seen by then.
        self.get("/v1/whoami").await.ok();
        stream
    }
}
