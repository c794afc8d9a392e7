//! A PostgreSQL that a test has for itself, to be stopped, paused and started again while servers work on it. Slower to be had than
//! a schema of the common one: for tests of what happens when the database is away.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Where `.ci/with-services` wants clusters to be made, so that none outlives it.
const CLUSTERS: &str = "KEYWRIGHT_TEST_CLUSTERS";
/// How often another port is tried: somebody else may be quicker.
const TRIES: usize = 10;

/// A PostgreSQL with its processes; they end with this.
#[derive(Debug)]
pub struct Cluster {
    directory: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    /// A new one, which runs.
    pub fn start() -> Self {
        let directory = match std::env::var_os(CLUSTERS) {
            Some(parent) => tempfile::tempdir_in(parent),
            None => tempfile::tempdir(),
        };
        let directory = directory.expect("a temporary directory");
        if is_root() {
            let given = Command::new("chown").arg("postgres").arg(directory.path()).status();
            assert!(given.expect("chown").success(), "the user postgres, who may run a PostgreSQL");
        }
        let mut cluster = Self { directory, programs: programs(), port: 0 };
        cluster.initialise();
        for _ in 0..TRIES {
            cluster.port = free_port();
            if cluster.try_to_run() {
                return cluster;
            }
        }
        panic!("no PostgreSQL starts: {}", cluster.log());
    }

    fn initialise(&self) {
        let data = self.data();
        let arguments = ["-U", "keywright", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"];
        let mut program = self.program("initdb");
        succeed(program.args(arguments).args(["--no-sync", "-D"]).arg(&data).output());
        // As in `.ci/with-services`, for few connections. The last one of a setting counts.
        let settings = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
fsync = off
synchronous_commit = off
full_page_writes = off
";
        let file = data.join("postgresql.conf");
        let all = fs::read_to_string(&file).expect("a configuration");
        fs::write(file, all + settings).expect("a configuration");
    }

    /// The address of its database.
    pub fn url(&self) -> String {
        format!("postgres://keywright@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends it: whoever is connected loses the connection, and further ones are refused.
    pub fn stop(&self) {
        succeed(self.control(&["-m", "fast", "-w", "stop"]));
    }

    /// Starts it again, where it was.
    pub fn run(&self) {
        assert!(self.try_to_run(), "it does not start again: {}", self.log());
    }

    /// Stops it and starts it again.
    pub fn restart(&self) {
        self.stop();
        self.run();
    }

    /// Lets no process of it run until [`Cluster::wake`]: connections stay, and new ones are taken by the system, but nobody
    /// answers.
    pub fn pause(&self) {
        // The first one first, so that there are no further ones.
        let postmaster = self.postmaster().expect("it runs");
        signal(postmaster, Signal::STOP);
        children(postmaster).into_iter().for_each(|child| signal(child, Signal::STOP));
    }

    /// Goes on where it was paused.
    pub fn wake(&self) {
        if let Some(postmaster) = self.postmaster() {
            children(postmaster).into_iter().for_each(|child| signal(child, Signal::CONT));
            signal(postmaster, Signal::CONT);
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("data/log")).unwrap_or_default()
    }

    fn try_to_run(&self) -> bool {
        let options = format!("-p {}", self.port);
        let log = self.data().join("log");
        let log = log.to_str().expect("a path of text");
        let started = self.control(&["-l", log, "-o", &options, "-w", "start"]);
        started.expect("pg_ctl").status.success()
    }

    fn control(&self, arguments: &[&str]) -> std::io::Result<Output> {
        // Not by pipes: what it starts would keep them open.
        let mut command = self.program("pg_ctl");
        let command = command.arg("-s").arg("-D").arg(self.data()).args(arguments);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null());
        let status = status.status()?;
        Ok(Output { status, stdout: Vec::new(), stderr: self.log().into_bytes() })
    }

    /// One of PostgreSQL's programs, which refuse to run as root.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir("/").env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        command
    }

    fn postmaster(&self) -> Option<Pid> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        Pid::from_raw(file.lines().next()?.parse().ok()?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.wake();
        let _ = self.control(&["-m", "immediate", "-w", "stop"]);
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn succeed(ended: std::io::Result<Output>) {
    let ended = ended.expect("a program of PostgreSQL");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// Below the range that systems hand out for outgoing connections, and of nobody at the moment.
fn free_port() -> u16 {
    use std::hash::{BuildHasher as _, RandomState};
    loop {
        let random = RandomState::new().hash_one(()) % 12_000;
        let port = 20_000 + u16::try_from(random).expect("below 12,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The newest that is installed; servers' programs are not on Debian's PATH.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|one| one.join("initdb").exists());
    let installed = || {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        let bin = versions.filter_map(Result::ok).map(|version| version.path().join("bin"));
        bin.filter(|bin| bin.join("initdb").exists()).max_by_key(|bin| version_of(bin))
    };
    on_path.or_else(installed).expect("initdb, which `.ci/test` has installed")
}

fn version_of(bin: &Path) -> u32 {
    let name = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or(0)
}

fn children(of: Pid) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").expect("the processes, on Linux");
    let ids = processes.filter_map(|one| one.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |id: &i32| parent_of(*id) == Some(of.as_raw_pid());
    ids.filter(is_child).filter_map(Pid::from_raw).collect()
}

fn parent_of(id: i32) -> Option<i32> {
    let told = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, which may hold anything, ends with the last bracket; then come the state and the parent.
    let (_, rest) = told.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn signal(process: Pid, what: Signal) {
    // One that has ended meanwhile needs none.
    let _ = kill_process(process, what);
}
