//! A server in Python that tells a test by lines of JSON where it listens and what it is sent.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::watch, time::timeout};

use crate::python;

/// What never comes is waited for so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server on a port of this machine; ends with the test.
pub(crate) struct PythonServer {
    pub(crate) port: u16,
    child: Child,
    input: Mutex<ChildStdin>,
    heard: Mutex<mpsc::Receiver<()>>,
    told: watch::Receiver<Vec<Value>>,
}

impl PythonServer {
    /// Runs `program`; each line with a member `telling` is kept.
    pub(crate) fn start(program: &str, settings: &Value, telling: &'static str) -> Self {
        let mut child = Command::new(python::interpreter())
            .args(["-c", program, &settings.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let input = child.stdin.take().expect("its standard input");
        let mut lines = BufReader::new(child.stdout.take().expect("its standard output")).lines();
        let first = lines.next().expect("a line").expect("a text");
        let first: Value = serde_json::from_str(&first).expect("JSON");
        let port = first["listens"].as_u64().expect("where it listens");
        let (sender, told) = watch::channel(Vec::new());
        let (hears, heard) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut line: Value = serde_json::from_str(&line).expect("JSON");
                if line["heard"] == true {
                    let _ = hears.send(());
                } else {
                    sender.send_modify(|told| told.push(line[telling].take()));
                }
            }
        });
        let port = u16::try_from(port).expect("a port");
        Self { port, child, input: Mutex::new(input), heard: Mutex::new(heard), told }
    }

    /// Tells it something, and comes back when it has heard.
    pub(crate) fn tell(&self, what: &Value) {
        writeln!(self.input.lock().unwrap(), "{what}").expect("it listens");
        self.heard.lock().unwrap().recv_timeout(PATIENCE).expect("it hears");
    }

    /// What it has told so far.
    pub(crate) fn told(&self) -> Vec<Value> {
        self.told.borrow().clone()
    }

    /// What it has told as soon as `is_enough` of it.
    pub(crate) async fn told_when(&self, is_enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut told = self.told.clone();
        let waited = timeout(PATIENCE, told.wait_for(|told| is_enough(told))).await;
        match waited {
            Ok(Ok(told)) => return told.clone(),
            Ok(Err(_)) => {}
            Err(_) => panic!("still not enough: {:#?}", self.told()),
        }
        panic!("the server ended: {:#?}", self.told())
    }
}

impl Drop for PythonServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
