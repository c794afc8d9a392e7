//! The binary as a process: started on a free port, asked, ended.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use test_support::{
    canary::Canary,
    databases::{self, Database},
};

use crate::KEYWRIGHT;

/// Nothing that these processes do may take longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a process keeps everything, and what else it is told.
#[derive(Clone)]
pub(crate) struct Settings {
    environment: Vec<(String, String)>,
}

impl Settings {
    /// Over `database`, with the same pepper for all.
    pub(crate) fn over(database: &Database) -> Self {
        Self::of(database.url())
    }

    /// Over the database at `url`.
    pub(crate) fn of(url: &str) -> Self {
        let pepper = "a pepper of tests, thirty-two bytes";
        let settings = Self { environment: Vec::new() };
        // An embedded database keeps them beside itself.
        let settings = match url.rsplit_once("search_path") {
            Some((_, schema)) => settings.with("FILES__DIRECTORY", files_of(schema).display()),
            None => settings,
        };
        settings
            .with("DATABASE__URL", url)
            .with("SECRETS__PEPPER", pepper)
            .with("SERVER__LISTEN", "127.0.0.1:0")
            // Test machines are slow: nobody is cut off for it.
            .with("SERVER__HEAD_SECONDS", 60)
            // There is nobody to be sent elsewhere.
            .with("SERVER__DRAIN_SECONDS", 0)
            .with("LOG__FORMAT", "json")
            .with("LOG__LEVEL", "trace")
    }

    /// With one more setting, as `SECTION__KEY`.
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((format!("KEYWRIGHT_{name}"), value.to_string()));
        self
    }

    /// With a clock that is off by so much, as `+120s`; time passes as it does.
    pub(crate) fn with_clock_off_by(mut self, offset: &str) -> Self {
        let library = std::env::var("KEYWRIGHT_TEST_FAKETIME").unwrap_or_default();
        assert!(!library.is_empty(), "libfaketime is needed, which `.ci/test` fetches");
        let variables = [
            ("LD_PRELOAD", &*library),
            ("FAKETIME", offset),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        self.environment.extend(variables.map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Without a setting that was given before.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(given, _)| given != &format!("KEYWRIGHT_{name}"));
        self
    }

    /// The variables of the environment that say all this.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (String, String)> {
        self.environment.iter().cloned()
    }

    /// A command of the binary, in an environment that knows nothing else of it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(KEYWRIGHT);
        command.args(arguments).env_clear().envs(self.environment());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output =
            self.command(arguments).stdin(Stdio::null()).output().expect("the binary starts");
        // A command's answer may show what it made; nothing else may.
        let canary = Canary::of(&self.database());
        for written in [&output.stdout, &output.stderr] {
            canary.answered(&String::from_utf8_lossy(written), std::iter::empty());
        }
        output
    }

    fn database(&self) -> String {
        let mut given = self.environment.iter().rev();
        let url = given.find(|(name, _)| name == "KEYWRIGHT_DATABASE__URL");
        url.map(|(_, url)| url.clone()).unwrap_or_default()
    }

    /// Runs a command that must succeed and print JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    /// Creates an organization, whose administrator is called like it; returns its platform key and
    /// the administrator's password.
    pub(crate) fn given_organization(&self, slug: &str) -> (String, String) {
        let create = [
            "organization",
            "create",
            "--json",
            "--slug",
            slug,
            "--name",
            slug,
            "--admin-username",
            slug,
        ];
        let created = self.json(&create);
        let text = |value: &Value| value.as_str().expect("a secret").to_owned();
        (text(&created["platform_key"]), text(&created["admin"]["password"]))
    }

    /// Starts a server and waits until it listens.
    pub(crate) fn serve(&self, options: &[&str]) -> Process {
        let mut process = self.start(&[&["serve"], options].concat());
        self.await_admin(&mut process);
        let listens = process.wait_for_line("listens");
        process.base =
            format!("http://{}", listens["fields"]["address"].as_str().expect("an address"));
        Canary::share(&process.base, &self.database());
        process
    }

    /// Starts a worker and waits until it runs.
    pub(crate) fn work(&self) -> Process {
        let mut process = self.start(&["worker"]);
        self.await_admin(&mut process);
        process.wait_for_line("the worker runs");
        process
    }

    /// Where one was asked for, the listener for metrics comes before all else.
    fn await_admin(&self, process: &mut Process) {
        if self.environment().any(|(name, _)| name == "KEYWRIGHT_SERVER__ADMIN_LISTEN") {
            let told = process.wait_for_line("metrics and health are told");
            process.admin =
                format!("http://{}", told["fields"]["address"].as_str().expect("an address"));
        }
    }

    fn start(&self, arguments: &[&str]) -> Process {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        let stderr = BufReader::new(child.stderr.take().expect("its standard error"));
        let (line_to, lines) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut written = String::new();
            for line in stderr.lines().map_while(Result::ok) {
                written += &line;
                written.push('\n');
                // Whoever waited for a line may wait for none any more.
                let _ = line_to.send(line);
            }
            written
        });
        let (base, admin, database) = (String::new(), String::new(), self.database());
        Process { child, lines, reader: Some(reader), base, admin, database }
    }
}

/// Where servers over one schema keep the files of calls: one place for all of them.
fn files_of(schema: &str) -> PathBuf {
    let name: String = schema.chars().filter(char::is_ascii_alphanumeric).collect();
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("files").join(name)
}

/// A running process; killed when dropped, and what it wrote is then searched for secrets.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    /// Ends with all that was written to standard error.
    reader: Option<JoinHandle<String>>,
    database: String,
    /// `http://127.0.0.1:port`, for servers.
    pub(crate) base: String,
    /// The same of the listener for metrics and health, where one was asked for.
    pub(crate) admin: String,
}

impl Process {
    /// Ends it without a word, as a crash does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    /// Asks it to end, and waits.
    pub(crate) fn terminate(self) -> ExitStatus {
        self.ask_to_end();
        self.await_end()
    }

    /// Waits until it has ended.
    pub(crate) fn await_end(mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            let _ = self.lines.recv_timeout(Duration::from_millis(20));
        }
    }

    /// Asks it to end; every line that it logged after it listened.
    pub(crate) fn terminate_and_read(mut self) -> Vec<String> {
        self.ask_to_end();
        let lines = std::mem::replace(&mut self.lines, mpsc::channel().1);
        // Ends with the process, which closes its standard error.
        lines.into_iter().collect()
    }

    /// How it ended, if it has. Its database is not looked at, as it is when this is dropped.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a status")
    }

    /// Asks it to end, and waits for nothing.
    pub(crate) fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// Lets it do nothing until [`Process::wake`].
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Goes on where it was paused.
    pub(crate) fn wake(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, signal).expect("it runs");
    }

    /// The most memory that it has ever had, in KiB. Its children are not counted.
    pub(crate) fn peak_resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs, on Linux");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = peak.and_then(|peak| peak.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).expect("a peak")
    }

    /// Waits until it logs `message`.
    pub(crate) fn wait_for_line(&self, message: &str) -> Value {
        let start = Instant::now();
        let mut seen = Vec::new();
        while let Some(left) = PATIENCE.checked_sub(start.elapsed()) {
            let Ok(line) = self.lines.recv_timeout(left) else { break };
            let parsed: Value = serde_json::from_str(&line).unwrap_or_default();
            if parsed["fields"]["message"] == message {
                return parsed;
            }
            seen.push(line);
        }
        panic!("no line '{message}'; there were: {seen:#?}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let Some(written) = self.reader.take().and_then(|reader| reader.join().ok()) else {
            return;
        };
        if !std::thread::panicking() {
            let content = databases::written(&self.database);
            let written = [("the log", written.as_bytes()), ("the database", &content)];
            Canary::of(&self.database).check(&written);
        }
    }
}
