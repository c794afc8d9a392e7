//! `docs/deploy/` and `docs/operating/`: that what they set and what they start exists, and that whoever stops a server leaves it the time that
//! it takes. Containers and clusters cannot be run here.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::process::Settings;

/// Nothing is opened: the configuration alone is looked at.
const NOWHERE: &str = "sqlite://nowhere.db";
/// What variables stand for that a file leaves to its reader.
const ADDRESSES: [(&str, &str); 2] = [
    (
        "DATABASE__URL",
        "postgres://keywright:PASSWORD@postgres.example.com/keywright?sslmode=disable",
    ),
    ("REDIS__URL", "redis://:PASSWORD@redis.example.com:6379"),
];

fn documents() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../docs"].iter().collect()
}

/// Every file below a directory of `docs/`.
fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let all = entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] });
    all.collect()
}

fn text(path: &str) -> String {
    fs::read_to_string(documents().join("deploy").join(path)).expect(path)
}

/// `KEYWRIGHT_SECTION__KEY` and what is said after it by `:` or `=`.
fn variables(text: &str) -> BTreeMap<String, String> {
    let set = text.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("ENV ").trim_start_matches("- name: ");
        let named = line.strip_prefix("KEYWRIGHT_")?;
        let end = named.find([':', '=']).unwrap_or(named.len());
        let (name, value) = named.split_at(end);
        let value = value.trim_start_matches([':', '=', ' ']).trim_end_matches([' ', '\\']);
        Some((name.to_owned(), value.trim_matches('"').to_owned()))
    });
    set.collect()
}

/// The settings as they then are, or the line that refuses them.
fn shown(file: &str, variables: &BTreeMap<String, String>) -> BTreeMap<String, Value> {
    let mut settings = Settings::of(NOWHERE).without("SECRETS__PEPPER");
    for (name, value) in variables {
        let sample = ADDRESSES.iter().find(|(address, _)| address == name);
        // What Compose puts in, and what comes out of a Secret.
        let value = sample.map_or(value.as_str(), |(_, sample)| sample);
        let value =
            value.strip_prefix("${PUBLIC_URL:-").map_or(value, |rest| rest.trim_end_matches('}'));
        settings = settings.without(name).with(name, value);
    }
    let output = settings.run(&["config", "show", "--json"]);
    assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let row = |row: &Value| (row["setting"].as_str().unwrap().to_owned(), row["value"].clone());
    rows.iter().map(row).collect()
}

#[test]
fn every_setting_of_the_deployments_is_one() {
    for file in [
        "Dockerfile",
        "compose.yaml",
        "kubernetes/settings.yaml",
        "kubernetes/server.yaml",
        "kubernetes/worker.yaml",
        "kubernetes/migrate.yaml",
    ] {
        let set = variables(&text(file));
        assert!(set.len() >= 2, "{file} sets nothing");
        shown(file, &set);
    }
}

#[test]
fn every_setting_that_the_papers_name_is_one() {
    let settings = shown("the defaults", &BTreeMap::new());
    let is_section =
        |name: &str| settings.keys().any(|setting| setting.split('.').next() == Some(name));
    let is_file = |name: &str| {
        ["rs", "md", "yaml", "toml", "service", "conf", "db", "pepper", "key"].contains(&name)
    };
    let mut unknown = Vec::new();
    let papers = ["deploy", "operating"].map(|name| below(&documents().join(name))).concat();
    for path in papers.into_iter().chain([documents().join("OPERATING.md")]) {
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for word in text.split('`').skip(1).step_by(2) {
            let Some((section, name)) = word.split_once('.') else { continue };
            let is_word = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if is_word && is_section(section) && !is_file(name) && !settings.contains_key(word) {
                unknown.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_command_of_the_deployments_is_one() {
    let mut tried = 0;
    for path in below(&documents().join("deploy")) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let commands = text.lines().filter_map(|line| {
            let line = line.trim();
            let list = line.strip_prefix("args: [").or_else(|| line.strip_prefix("command: ["));
            let list = list.or_else(|| line.strip_prefix("CMD ["))?;
            Some(list.trim_end_matches(']').replace(['"', ','], ""))
        });
        let units = text
            .lines()
            .filter_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/keywright "));
        for command in commands.chain(units.map(str::to_owned)) {
            if command.starts_with("valkey") {
                continue;
            }
            let mut words: Vec<&str> = command.split_whitespace().collect();
            words.push("--help");
            let output = Settings::of(NOWHERE).run(&words);
            assert!(output.status.success(), "{}: {command}", path.display());
            tried += 1;
        }
    }
    assert!(tried >= 8, "{tried}");
}

#[test]
fn whoever_stops_a_server_waits_for_it() {
    let seconds =
        |settings: &BTreeMap<String, Value>, name: &str| settings[name].as_u64().expect("seconds");
    let told = |file: &str, what: &str| {
        let text = text(file);
        let line = text.lines().find_map(|line| line.trim().strip_prefix(what).map(str::to_owned));
        line.unwrap().trim_matches(['s', ' ']).parse::<u64>().expect("seconds")
    };
    let serve = |settings: &BTreeMap<String, Value>| {
        let ends = ["server.shutdown_seconds", "worker.shutdown_seconds"]
            .map(|end| seconds(settings, end));
        seconds(settings, "server.drain_seconds") + ends[0].max(ends[1])
    };
    let settings = shown("the defaults", &BTreeMap::new());
    assert!(told("compose.yaml", "stop_grace_period: ") >= serve(&settings) + 15);
    assert!(told("systemd/keywright.service", "TimeoutStopSec=") >= serve(&settings) + 15);
    let work = seconds(&settings, "worker.shutdown_seconds");
    assert!(told("systemd/keywright-worker.service", "TimeoutStopSec=") >= work + 15);
    let settings = shown("settings.yaml", &variables(&text("kubernetes/settings.yaml")));
    assert!(
        told("kubernetes/server.yaml", "terminationGracePeriodSeconds: ") >= serve(&settings) + 15
    );
    assert!(told("kubernetes/worker.yaml", "terminationGracePeriodSeconds: ") >= work + 15);
}
