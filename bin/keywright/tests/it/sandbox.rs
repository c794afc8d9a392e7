//! The sandbox with real children: hostile filters end at their bounds, and harm nothing but
//! themselves. What a filter means is tested where it is compiled.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use deployments_domain::{Code, CodeCheck, CodeVerdict};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use workflow_runtime::{Sandbox, SandboxCommand, SandboxConfig, SandboxError};

const PROGRAM: &str = env!("CARGO_BIN_EXE_keywright");
const TOO_DEEP: &str = "the filter is nested too deeply or too large";
const WITHIN: Duration = Duration::from_secs(10);
const HOSTILE_WITHIN: Duration = Duration::from_secs(1);

/// A sandbox whose children can be told from all other processes by the path of their program.
struct Bench {
    sandbox: Arc<Sandbox>,
    program: PathBuf,
    _directory: TempDir,
}

impl Bench {
    fn start(children: usize) -> Self {
        let directory = TempDir::new().unwrap();
        let program = directory.path().join("keywright");
        symlink(PROGRAM, &program).unwrap();
        let command = SandboxCommand { program: program.clone(), args: vec!["sandbox".into()] };
        let sandbox = Arc::new(Sandbox::start(SandboxConfig::new(command, children)).unwrap());
        Self { sandbox, program, _directory: directory }
    }

    async fn run(&self, filter: &str, data: Value) -> Result<Value, SandboxError> {
        self.sandbox.run(filter, &data, WITHIN).await
    }

    fn children(&self) -> Vec<Pid> {
        children(&self.program)
    }
}

fn children(program: &Path) -> Vec<Pid> {
    let is_child = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).next() == Some(program.as_os_str().as_encoded_bytes())
    };
    let processes = fs::read_dir("/proc").unwrap();
    let pids = processes.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(is_child).filter_map(Pid::from_raw).collect()
}

/// Waits for what another process does in its own time; the bound is far beyond what it takes.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        thread::yield_now();
    }
}

fn resident_mebibytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4 / 1024
}

/// What became of a filter, in a word.
fn ending(outcome: Result<Value, SandboxError>) -> String {
    match outcome {
        Ok(_) => "ok".into(),
        Err(SandboxError::TimedOut) => "timed out".into(),
        Err(SandboxError::Died) => "died".into(),
        Err(SandboxError::Refused(message)) => message,
        Err(error @ (SandboxError::Busy | SandboxError::Unavailable(_))) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn hostile_filters_end_and_the_next_filter_runs() {
    let bench = Bench::start(1);
    let before = resident_mebibytes();
    let large = "the output is larger than 16777216 bytes";
    let deep = "the output is nested deeper than 120 levels";
    let cases: &[(&str, &[&str])] = &[
        ("def f: f; f", &["timed out"]),
        ("def f: 1 + f; f", &["died"]),
        ("[range(1e10)]", &["died", "timed out"]),
        ("\"a\" * 10000000000", &["died"]),
        ("repeat(1)", &[large, "timed out"]),
        ("repeat(empty)", &["timed out"]),
        ("until(false; .)", &["timed out"]),
        ("[recurse(.)]", &["died", "timed out"]),
        ("reduce range(60) as $i (1; [., .])", &[large, "timed out"]),
        ("reduce range(60) as $i (\"x\"; [., .]) | tojson", &["died", "timed out"]),
        ("[limit(1e9; repeat(\"a\"))]", &["died", "timed out"]),
        ("reduce range(1000000) as $i (0; [.])", &["died", "timed out", deep]),
    ];
    for (filter, expected) in cases {
        let begun = Instant::now();
        let ending = ending(bench.sandbox.run(filter, &json!(null), HOSTILE_WITHIN).await);
        assert!(expected.contains(&&*ending), "{filter}: {ending}");
        assert!(begun.elapsed() < HOSTILE_WITHIN + Duration::from_secs(2), "{filter}");
        let next = bench.run(".a + 1", json!({"a": 1})).await;
        assert_eq!(next.ok(), Some(json!(2)), "after {filter}");
    }
    let grown = resident_mebibytes().saturating_sub(before);
    assert!(grown < 200, "this process grew by {grown} MiB");
    eventually("only the last child is left", || bench.children().len() == 1);
}

#[tokio::test]
async fn an_endless_message_is_cut() {
    let bench = Bench::start(1);
    let message =
        ending(bench.run("reduce range(60) as $i (1; [., .]) | error", json!(null)).await);
    assert!(message.starts_with("[[[[") && message.len() <= 510, "{message}");
}

#[tokio::test]
async fn values_come_through_with_their_digits() {
    let bench = Bench::start(1);
    let data = json!({"a": [9_007_199_254_740_993_u64, 1e308, 0.1, u64::MAX, i64::MIN, "é\u{0}\n"], "b": {}});
    assert_eq!(bench.run(".", data.clone()).await.ok(), Some(data));
    assert_eq!(bench.run("empty", json!(1)).await.ok(), Some(json!(null)));
    assert_eq!(bench.run(".[]", json!([1, 2])).await.ok(), Some(json!([1, 2])));
}

#[tokio::test]
async fn several_mebibytes_go_in_and_out() {
    let bench = Bench::start(1);
    let data = json!("x".repeat(10 << 20));
    assert_eq!(bench.run(".", data.clone()).await.ok(), Some(data.clone()));
    let twice = ending(bench.run(". + .", data.clone()).await);
    assert_eq!(twice, "the output is larger than 16777216 bytes");
    let four = json!([data, data, data, data]);
    let too_much = ending(bench.run(".", four).await);
    assert_eq!(too_much, "the filter would be given more than 33554432 bytes");
}

#[test]
fn filters_that_do_not_compile_are_told_apart() {
    let bench = Bench::start(1);
    let nested = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    let filters = [".a", &nested, "env", "halt", "input", ".b |"];
    let absent = |name| Some(format!("line 1, column 1: there is no filter '{name}/0'"));
    let expected = [
        None,
        Some(TOO_DEEP.to_owned()),
        absent("env"),
        absent("halt"),
        absent("input"),
        Some("line 1, column 5: expected term, found the end".to_owned()),
    ];
    assert_eq!(faults(&bench.sandbox, &filters), expected);
}

#[test]
fn a_filter_that_takes_the_compiler_down_harms_no_other_check() {
    let bench = Bench::start(1);
    // Longer than a saved workflow may hold, so as to be sure that it overflows the stack.
    let bomb = "try ".repeat(300_000) + "1";
    let checks = [false, true, false, true].map(|is_hostile| {
        let (sandbox, bomb) = (bench.sandbox.clone(), bomb.clone());
        thread::spawn(move || {
            let second = if is_hostile { &*bomb } else { ".b" };
            (is_hostile, faults(&sandbox, &[".a", second, ".c |"]))
        })
    });
    for check in checks {
        let (is_hostile, verdicts) = check.join().unwrap();
        let fault = is_hostile.then(|| TOO_DEEP.to_owned());
        assert_eq!((&verdicts[0], &verdicts[1]), (&None, &fault));
        assert!(verdicts[2].is_some());
    }
}

#[tokio::test]
async fn a_workflow_can_be_checked_while_every_child_is_busy() {
    let bench = Bench::start(1);
    let (busy, idle) = (bench.sandbox.clone(), bench.sandbox.clone());
    let run = tokio::spawn(async move { busy.run("def f: f; f", &json!(1), HOSTILE_WITHIN).await });
    let check = tokio::task::spawn_blocking(move || faults(&idle, &["."])).await.unwrap();
    assert_eq!(check, [None]);
    assert_eq!(ending(run.await.unwrap()), "timed out");
}

#[tokio::test]
async fn a_run_that_is_given_up_is_killed() {
    let bench = Bench::start(1);
    let null = json!(null);
    let endless = bench.sandbox.run("def f: f; f", &null, Duration::from_secs(600));
    let given_up = tokio::time::timeout(Duration::from_millis(300), endless).await;
    assert!(given_up.is_err());
    assert_eq!(bench.run("1", json!(null)).await.ok(), Some(json!(1)));
    eventually("the endless child is gone", || bench.children().len() == 1);
}

#[tokio::test]
async fn a_child_that_is_killed_while_idle_is_replaced() {
    let bench = Bench::start(1);
    assert_eq!(bench.run("1", json!(null)).await.ok(), Some(json!(1)));
    let [child] = *bench.children() else { panic!("not one child") };
    kill_process(child, Signal::KILL).unwrap();
    // It has no command line from when it begins to end, but only a zombie whose other threads have ended too can be
    // waited for.
    let process = PathBuf::from(format!("/proc/{}", child.as_raw_nonzero()));
    eventually("it is dead", || {
        let is_zombie =
            fs::read_to_string(process.join("stat")).map_or(true, |s| s.contains(") Z "));
        is_zombie && fs::read_dir(process.join("task")).map_or(true, |threads| threads.count() <= 1)
    });
    assert_eq!(bench.run("2", json!(null)).await.ok(), Some(json!(2)));
}

#[tokio::test]
async fn a_child_has_no_environment_and_nothing_that_this_process_opened() {
    let bench = Bench::start(1);
    let directory = bench.program.parent().unwrap();
    let _open = fs::File::create(directory.join("open")).unwrap();
    bench.run("1", json!(null)).await.unwrap();
    let [child] = *bench.children() else { panic!("not one child") };
    let process = PathBuf::from(format!("/proc/{}", child.as_raw_nonzero()));
    assert_eq!(fs::read(process.join("environ")).unwrap(), b"");
    let open = fs::read_dir(process.join("fd")).unwrap();
    let open: Vec<_> = open.map(|entry| fs::read_link(entry.unwrap().path()).unwrap()).collect();
    assert!(open.len() >= 3 && !open.iter().any(|file| file.starts_with(directory)), "{open:?}");
}

#[tokio::test]
async fn no_child_outlives_the_sandbox() {
    let bench = Bench::start(4);
    let null = json!(null);
    let run = || bench.sandbox.run("[range(1000)] | add", &null, WITHIN);
    let (a, b, c, d) = tokio::join!(run(), run(), run(), run());
    assert!([a, b, c, d].iter().all(Result::is_ok));
    assert!(!bench.children().is_empty());
    let program = bench.program.clone();
    drop(bench);
    assert_eq!(children(&program), []);
}

/// As when the server is killed: nobody closes anything, the pipe just ends.
#[test]
fn a_child_ends_with_its_parent_even_while_a_filter_runs() {
    let mut child = Command::new(PROGRAM)
        .arg("sandbox")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", json!({"memory_bytes": 512 << 20, "max_output_bytes": 1_000})).unwrap();
    writeln!(input, "{}", json!({"run": {"filter": "def f: f; f", "data": null}})).unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "{\"ready\":true}\n");
    assert!(child.try_wait().unwrap().is_none());
    drop(input);
    eventually("the child ends", || child.try_wait().unwrap().is_some());
}

#[tokio::test]
async fn a_program_that_is_no_child_is_the_servers_fault() {
    let command = SandboxCommand { program: "/bin/true".into(), args: Vec::new() };
    let sandbox = Sandbox::start(SandboxConfig::new(command, 1)).unwrap();
    let failed = sandbox.run(".", &json!(1), Duration::from_secs(10)).await;
    assert!(matches!(failed, Err(SandboxError::Unavailable(_))), "{failed:?}");
}

/// What is wrong with each filter.
fn faults(sandbox: &Sandbox, filters: &[&str]) -> Vec<Option<String>> {
    let code: Vec<_> = filters.iter().map(|filter| Code::Filter(filter)).collect();
    let verdicts = sandbox.check_code(&code).unwrap();
    let fault = |verdict: &CodeVerdict| verdict.faults.first().map(|(_, fault)| fault.clone());
    verdicts.iter().map(fault).collect()
}
