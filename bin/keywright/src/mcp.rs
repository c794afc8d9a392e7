//! `keywright mcp`: a server's tools for agents' clients that start processes and speak with them over standard input and output.
//! Knows no tool: messages go to the server and its answers come back. Standard output carries nothing else.

mod answer;
mod bridge;

use std::{
    io::{BufRead as _, Read as _, stdin},
    process::ExitCode,
    time::Duration,
};

use actix_web::rt;
use tokio::{
    select,
    sync::mpsc::{self, Receiver},
    task::JoinSet,
    time::timeout,
};

use self::bridge::Bridge;
use crate::{arguments::McpOptions, failure::Failure, secret_file};

/// No message is longer. In bytes.
const MAX_MESSAGE_BYTES: u64 = 16 << 20;
/// Where the key stands. Not one of the settings of a server, which have two underscores.
const KEY: &str = "KEYWRIGHT_API_KEY";
/// Messages that wait for each other.
const IN_LINE: usize = 16;
/// How long what is under way may take when the client is gone.
const FAREWELL: Duration = Duration::from_secs(5);

/// Passes messages on until standard input ends.
pub(crate) fn run(options: &McpOptions) -> Result<ExitCode, Failure> {
    let url = address(&options.url)?;
    let key = key(options)?;
    if url.starts_with("http://") && !is_loopback(&url) {
        complain("the key travels unencrypted: --url begins with http://");
    }
    let is_done = rt::System::new().block_on(pass_on(Bridge::new(url, key), read_lines()));
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether everything was answered by the server.
async fn pass_on(bridge: Bridge, mut lines: Receiver<Vec<u8>>) -> bool {
    let mut under_way = JoinSet::new();
    loop {
        select! {
            line = lines.recv() => match line {
                Some(line) => bridge.take(&line, &mut under_way),
                None => break,
            },
            Some(_) = under_way.join_next() => {}
        }
    }
    // What a script piped in is answered, but a client that has gone waits for its child to end.
    let _ = timeout(FAREWELL, async { while under_way.join_next().await.is_some() {} }).await;
    bridge.give_up()
}

/// Lines of standard input, read by a thread of their own, since reading them cannot be given up.
fn read_lines() -> Receiver<Vec<u8>> {
    let (to, lines) = mpsc::channel(IN_LINE);
    std::thread::spawn(move || {
        let mut input = stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = input.by_ref().take(MAX_MESSAGE_BYTES).read_until(b'\n', &mut line);
            if !line.ends_with(b"\n") && line.len() as u64 == MAX_MESSAGE_BYTES {
                // The rest of it is no line of its own; what is kept is no JSON, and is answered so.
                let _ = input.skip_until(b'\n');
            }
            if !read.is_ok_and(|bytes| bytes > 0) || to.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The server's address for agents: as it was given, or below the server that was given.
fn address(url: &str) -> Result<String, Failure> {
    let url = url.trim_end_matches('/');
    let parsed = reqwest::Url::parse(url).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
    });
    let Some(parsed) = parsed else {
        let what =
            "--url: must be the http:// or https:// address of a server, without a user name";
        return Err(Failure::Usage(what.into()));
    };
    let is_whole = parsed.path().ends_with("/mcp");
    Ok(if is_whole { url.to_owned() } else { format!("{url}/mcp") })
}

/// Never an argument: those are seen by everybody on the machine.
fn key(options: &McpOptions) -> Result<String, Failure> {
    let key = match &options.key_file {
        Some(path) => secret_file::read_given(path, "--key-file")?,
        None => std::env::var(KEY).unwrap_or_default().trim().to_owned(),
    };
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = format!("a platform key or a deployment key is needed: set {KEY} or --key-file");
        return Err(Failure::Usage(what));
    }
    Ok(key)
}

fn is_loopback(url: &str) -> bool {
    let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

/// For whoever looks into the client's log of its children.
#[expect(clippy::print_stderr, reason = "standard output carries the protocol alone")]
fn complain(what: &str) {
    eprintln!("keywright mcp: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_or_its_address_for_agents_is_given() {
        for (given, expected) in [
            ("https://keys.example", Some("https://keys.example/mcp")),
            ("https://keys.example/", Some("https://keys.example/mcp")),
            ("http://127.0.0.1:8080/base/mcp/", Some("http://127.0.0.1:8080/base/mcp")),
            ("ftp://keys.example", None),
            ("keys.example", None),
            ("https://unst_x@keys.example", None),
        ] {
            assert_eq!(address(given).ok().as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_unencrypted_without_a_word() {
        for url in ["http://127.0.0.1:1/mcp", "http://[::1]/mcp", "http://localhost/mcp"] {
            assert!(is_loopback(url), "{url}");
        }
        assert!(!is_loopback("http://10.0.0.1/mcp") && !is_loopback("http://keys.example/mcp"));
    }
}
