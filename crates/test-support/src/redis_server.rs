//! A real Redis that a test has for itself: it may stop it, pause it, empty it and start it again.
//! Knows the programs `redis-server` and `valkey-server`, and what is said to them.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A running server; ends with the test. It keeps nothing on disk: whoever starts it again finds it empty.
pub struct RedisServer {
    process: Option<Child>,
    port: u16,
    options: Vec<String>,
    directory: TempDir,
}

impl RedisServer {
    /// A server on a free port. Without its program the test fails: what is skipped is soon broken.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further options, as `["--requirepass", "…"]`.
    pub fn start_with(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = options.iter().map(ToString::to_string).collect();
        let mut server = Self { process: None, port: 0, options, directory };
        // A port that was free a moment ago may have been taken since.
        for _ in 0..20 {
            let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
            server.port = free.local_addr().expect("its address").port();
            drop(free);
            if server.try_to_start() {
                return server;
            }
        }
        panic!("redis-server does not start");
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as a power cut does.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it was running");
            process.wait().expect("it ends");
        }
    }

    /// Starts it again, empty, where it was.
    pub fn start_again(&mut self) {
        self.stop();
        let is_up = (0..100).any(|_| self.try_to_start());
        assert!(is_up, "redis-server starts again on port {}", self.port);
    }

    /// Has it answer nothing, and lose nothing.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Says something to it past everybody, as `FLUSHALL`: words between single spaces. Returns what it answers to begin
    /// with.
    pub fn command(&self, words: &str) -> String {
        let mut connection =
            TcpStream::connect(("127.0.0.1", self.port)).expect("the Redis for tests listens");
        write!(connection, "{words}\r\n").expect("it takes a command");
        let mut answer = [0; 4096];
        let read = connection.read(&mut answer).expect("it answers");
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("it runs");
        let id = i32::try_from(process.id()).ok().and_then(Pid::from_raw).expect("an id");
        kill_process(id, signal).expect("it runs");
    }

    fn try_to_start(&mut self) -> bool {
        let port = self.port.to_string();
        let fixed =
            ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"];
        let started = ["redis-server", "valkey-server"].into_iter().find_map(|program| {
            let mut command = Command::new(program);
            command.args(fixed).arg(self.directory.path()).args(&self.options);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().ok()
        });
        let mut process =
            started.expect("redis-server: run the tests by `.ci/test`, which brings one");
        let output = process.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let is_ready = lines.any(|line| line.contains("eady to accept connections"));
        if is_ready {
            // Whoever cannot write what happens stops.
            std::thread::spawn(move || lines.for_each(drop));
            self.process = Some(process);
        } else {
            let _ = process.kill();
            let _ = process.wait();
        }
        is_ready
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}
