//! A published server that speaks the protocol of `/chat/completions` (`mockllm`): it answers
//! what it was told to, and counts tokens.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::json;
use tempfile::TempDir;

use crate::python;

/// A running server on a free port of this machine; ends with the test.
pub struct ModelServer {
    /// What a model's `base_url` is, as `http://127.0.0.1:port/v1`.
    pub base_url: String,
    child: Child,
    _directory: TempDir,
}

/// A model whose words the server counts as tokens.
pub const MODEL: &str = "mock-llm";

impl ModelServer {
    /// Answers each of the questions in `answers` as it says there, and everything else with
    /// `otherwise`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(answers: &[(&str, &str)], otherwise: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("responses.yml");
        let answers: serde_json::Map<_, _> =
            answers.iter().map(|(asked, answer)| ((*asked).to_owned(), json!(answer))).collect();
        // All of JSON is YAML.
        let told = json!({"responses": answers, "defaults": {"unknown_response": otherwise}});
        std::fs::write(&file, told.to_string()).expect("a file");
        let (child, address) = listen(&file);
        Self { base_url: format!("{address}/v1"), child, _directory: directory }
    }
}

/// The process, and where it listens.
fn listen(answers: &Path) -> (Child, String) {
    let mut child = Command::new(python::interpreter())
        .args(["-m", "uvicorn", "mockllm.server:app", "--host", "127.0.0.1", "--port", "0"])
        .env("MOCKLLM_RESPONSES_FILE", answers)
        .env("PYTHONUNBUFFERED", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut lines = BufReader::new(child.stderr.take().expect("its standard error")).lines();
    let mut seen = Vec::new();
    let address = loop {
        let Some(Ok(line)) = lines.next() else { panic!("it ended: {seen:#?}") };
        let listens = line.split_once("running on ").map(|(_, rest)| rest);
        if let Some(address) = listens.and_then(|rest| rest.split_whitespace().next()) {
            break address.to_owned();
        }
        seen.push(line);
    };
    // It goes on writing, and must never wait for a reader.
    thread::spawn(move || lines.for_each(drop));
    (child, address)
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
