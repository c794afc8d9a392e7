//! A real nginx or Caddy in front of Keywright, with the very configuration that its page in
//! `docs/deploy/` shows, and a backend behind it that tells what it was sent.

use std::{
    collections::BTreeMap,
    fs,
    hash::{BuildHasher as _, RandomState},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use serde_json::json;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// A program that has a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Caddy,
}

/// A running reverse proxy; killed when dropped.
pub(crate) struct ReverseProxy {
    /// `http://127.0.0.1:port`
    pub(crate) base: String,
    child: Child,
    /// Its complaints; kept, so that it can go on writing them.
    _lines: Receiver<String>,
    _directory: TempDir,
}

impl Kind {
    /// Whether it can be tried here: `.ci/test` says so where the distribution has none.
    pub(crate) fn is_there(self) -> bool {
        self == Self::Nginx || std::env::var_os("KEYWRIGHT_TEST_WITHOUT_CADDY").is_none()
    }

    /// Starts it before `keywright` and `backend`, which are addresses with ports.
    pub(crate) fn start(self, keywright: &str, backend: &str) -> ReverseProxy {
        let mut seen = Vec::new();
        // A port may be taken.
        for _ in 0..10 {
            match self.try_start(port(), keywright, backend) {
                Ok(running) => return running,
                Err(lines) => seen.extend(lines),
            }
        }
        panic!("{self:?} does not start: {seen:#?}");
    }

    fn try_start(
        self,
        port: u16,
        keywright: &str,
        backend: &str,
    ) -> Result<ReverseProxy, Vec<String>> {
        let directory = tempfile::tempdir().expect("a directory");
        let (listens, mut command) = match self {
            Self::Nginx => ("event method", nginx(directory.path(), port, keywright, backend)),
            Self::Caddy => {
                ("serving initial configuration", caddy(directory.path(), port, keywright, backend))
            }
        };
        let started = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = started.expect("nginx and caddy on the PATH, as .ci/test puts them there");
        let stderr = BufReader::new(child.stderr.take().expect("its standard error"));
        let (line_to, lines) = mpsc::channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| line_to.send(line))
        });
        let base = format!("http://127.0.0.1:{port}");
        let mut running = ReverseProxy { base, child, _lines: lines, _directory: directory };
        let mut seen = Vec::new();
        while let Ok(line) = running._lines.recv_timeout(PATIENCE) {
            if line.contains(listens) {
                return Ok(running);
            }
            seen.push(line);
        }
        running.end();
        Err(seen)
    }
}

impl ReverseProxy {
    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        self.end();
    }
}

/// Below the range that systems hand out for outgoing connections.
fn port() -> u16 {
    let random = RandomState::new().hash_one(()) % 10_000;
    10_000 + u16::try_from(random).expect("below 10,000")
}

/// The block of a page in the given language, with other addresses.
fn shown(page: &str, language: &str, addresses: [(&str, &str); 3]) -> String {
    let (_, rest) = page.split_once(&format!("```{language}\n")).expect("a block");
    let (block, _) = rest.split_once("```").expect("its end");
    let mut block = block.to_owned();
    for (shown, here) in addresses {
        assert_eq!(block.matches(shown).count(), 1, "{shown} once in {block}");
        block = block.replace(shown, here);
    }
    block
}

/// One process, so that nothing is left when it is killed; everything it writes is in `directory`.
fn nginx(directory: &Path, port: u16, keywright: &str, backend: &str) -> Command {
    let page = include_str!("../../../../docs/deploy/nginx.md");
    let listen = format!("listen 127.0.0.1:{port};");
    let addresses =
        [("listen 80;", &*listen), ("127.0.0.1:8080", keywright), ("127.0.0.1:9000", backend)];
    let shown = shown(page, "nginx", addresses);
    let configuration = format!(
        "daemon off; master_process off; pid pid; error_log stderr notice;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d;
            scgi_temp_path e;
            {shown}
        }}"
    );
    let file = directory.join("nginx.conf");
    fs::write(&file, configuration).expect("a file");
    let mut command = Command::new("nginx");
    command.arg("-p").arg(directory).arg("-c").arg(file);
    command
}

/// Without certificates, its door for administration, and files in a home directory.
fn caddy(directory: &Path, port: u16, keywright: &str, backend: &str) -> Command {
    let page = include_str!("../../../../docs/deploy/caddy.md");
    let site = format!("http://127.0.0.1:{port} {{");
    let addresses =
        [("api.example.com {", &*site), ("127.0.0.1:8080", keywright), ("127.0.0.1:9000", backend)];
    let shown = shown(page, "caddyfile", addresses);
    let configuration =
        format!("{{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}}\n{shown}");
    let file = directory.join("Caddyfile");
    fs::write(&file, configuration).expect("a file");
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    command.env("XDG_DATA_HOME", directory).env("XDG_CONFIG_HOME", directory);
    command
}

/// Starts a service that answers every request with what it was sent; its address and port.
pub(crate) fn start_backend() -> String {
    let server = HttpServer::new(|| App::new().default_service(web::to(echo)))
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .expect("a free port");
    let address = server.addrs()[0].to_string();
    rt::spawn(server.run());
    address
}

async fn echo(request: HttpRequest, body: String) -> HttpResponse {
    let mut headers = BTreeMap::new();
    for (name, value) in request.headers() {
        let values: &mut Vec<_> = headers.entry(name.as_str().to_owned()).or_default();
        values.push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    HttpResponse::Ok().json(json!({
        "method": request.method().as_str(),
        "uri": request.uri().to_string(),
        "headers": headers,
        "body": body
    }))
}
