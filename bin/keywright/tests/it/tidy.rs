//! The house rules that no compiler holds: who may depend on whom, how files are named and how long
//! they grow, and that papers name what is there. Knows nothing of what the code does.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use api_types::ErrorCode;
use serde::Deserialize;

const DOMAINS: [&str; 3] = ["keys-core", "access-domain", "deployments-domain"];

/// Left may use right, and nothing else: a new crate or edge is a decision, and is taken here.
/// `test-support` stands on no right side, so that it never reaches production.
const LAW: [(&str, &[&str]); 16] = [
    ("keys-core", &[]),
    ("access-domain", &["keys-core"]),
    ("deployments-domain", &["access-domain", "keys-core"]),
    ("storage-diesel", &DOMAINS),
    ("outbound", &DOMAINS),
    ("limits-redis", &["access-domain", "keys-core"]),
    ("workflow-runtime", &["keys-core", "access-domain", "deployments-domain", "outbound"]),
    ("api-types", &DOMAINS),
    // A service of others is protected against keys of its own, or asks a server by its SDK.
    ("auth-actix", &["keys-core", "access-domain", "api-types", "client-rust"]),
    ("auth-tower", &["keys-core", "api-types", "client-rust"]),
    ("client-rust", &["api-types", "keys-core"]),
    (
        "http-actix",
        &["keys-core", "access-domain", "deployments-domain", "api-types", "auth-actix"],
    ),
    (
        "console-web",
        &["keys-core", "access-domain", "deployments-domain", "api-types", "auth-actix"],
    ),
    (
        "mcp-server",
        &["keys-core", "access-domain", "deployments-domain", "api-types", "auth-actix"],
    ),
    ("test-support", EVERY_LIBRARY),
    ("keywright", EVERY_LIBRARY),
];
const EVERY_LIBRARY: &[&str] = &[
    "keys-core",
    "access-domain",
    "deployments-domain",
    "storage-diesel",
    "outbound",
    "limits-redis",
    "workflow-runtime",
    "api-types",
    "auth-actix",
    "http-actix",
    "console-web",
    "mcp-server",
    "client-rust",
    "auth-tower",
];

/// Edges and foreign crates that must stay behind a feature: whoever embeds the crate or talks to
/// the server from outside does without.
const OPTIONAL: [(&str, &str); 8] = [
    ("keys-core", "rand"),
    ("keys-core", "serde"),
    ("auth-actix", "client-rust"),
    ("auth-tower", "client-rust"),
    ("client-rust", "keys-core"),
    ("api-types", "keys-core"),
    ("api-types", "access-domain"),
    ("api-types", "deployments-domain"),
];

/// Foreign crates, by how their names begin, that only these crates may hold.
const FENCED: [(&str, &[&str]); 12] = [
    (
        "actix",
        &["auth-actix", "http-actix", "console-web", "mcp-server", "keywright", "test-support"],
    ),
    ("diesel", &["storage-diesel", "test-support"]),
    ("hyper", &["client-rust", "outbound"]),
    ("object_store", &["outbound"]),
    ("tokio-postgres", &["outbound"]),
    ("jaq", &["workflow-runtime"]),
    ("maud", &["console-web"]),
    ("metrics-exporter", &["keywright"]),
    ("opentelemetry", &["keywright"]),
    ("redis", &["limits-redis"]),
    ("quick_cache", &["auth-actix", "client-rust"]),
    ("thirtyfour", &["test-support"]),
];

/// What I/O, wire types or chance would come with; by how the names begin.
const NOT_IN_DOMAINS: [&str; 8] =
    ["actix", "diesel", "hyper", "metrics", "rand", "reqwest", "serde", "tokio"];
/// Workflows are JSON; `keys-core` offers a generator to those who have none, and forms to those who
/// store or send its values.
const BUT_IN_DOMAINS: [(&str, &str); 3] =
    [("deployments-domain", "serde_json"), ("keys-core", "rand"), ("keys-core", "serde")];

const MAX_LINES: usize = 500;
/// Files that are longer, with the length that they must not pass. The list only shrinks.
const LONG_FILES: &[(&str, usize)] = &[];

/// Names that say nothing, so that everything ends up there.
const EMPTY_NAMES: [&str; 10] =
    ["utils", "helpers", "common", "types", "shared", "manager", "misc", "data", "info", "impl"];

/// Directories that come with building, running and fuzzing: what git leaves out, and git itself.
const MADE: [&str; 7] =
    [".git", "data", "target", "fuzz/artifacts", "fuzz/corpus", "fuzz/coverage", "fuzz/target"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    optional: bool,
    /// Only crates of this workspace have one.
    path: Option<PathBuf>,
    uses_default_features: bool,
    features: Vec<String>,
}

impl Package {
    /// What the crate is made of, tests left out.
    fn parts(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().filter(|used| used.kind.as_deref() != Some("dev"))
    }
}

#[test]
fn crates_use_only_what_the_law_allows() {
    let packages = packages();
    let mut faults = Vec::new();
    for package in &packages {
        let Some((_, allowed)) = LAW.iter().find(|(name, _)| *name == package.name) else {
            faults.push(format!("{} is a crate that the law does not know", package.name));
            continue;
        };
        let edges = package.parts().filter(|used| used.path.is_some());
        let against = edges.filter(|used| !allowed.contains(&used.name.as_str()));
        faults.extend(against.map(|used| format!("{} must not use {}", package.name, used.name)));
    }
    let gone = LAW.iter().filter(|(name, _)| packages.iter().all(|there| there.name != *name));
    faults.extend(gone.map(|(name, _)| format!("{name} is in the law, but is no crate")));
    none(faults);
}

#[test]
fn foreign_crates_stay_behind_their_fences() {
    let mut faults = Vec::new();
    for package in packages() {
        let name = package.name.as_str();
        for used in package.parts().filter(|used| used.path.is_none()) {
            let begins = |start: &&str| used.name.starts_with(start);
            let fenced =
                FENCED.iter().any(|(start, holders)| begins(start) && !holders.contains(&name));
            let unclean = DOMAINS.contains(&name)
                && NOT_IN_DOMAINS.iter().any(begins)
                && !BUT_IN_DOMAINS.contains(&(name, used.name.as_str()));
            if fenced || unclean {
                faults.push(format!("{name} must not use {}", used.name));
            }
        }
        for used in package.parts().filter(|used| !used.optional) {
            if OPTIONAL.contains(&(name, used.name.as_str())) {
                faults.push(format!("{name} must use {} behind a feature only", used.name));
            }
        }
    }
    none(faults);
}

/// Time is an argument of every rule: with one of these features any code could ask for it.
#[test]
fn no_crate_can_ask_chrono_for_the_time() {
    let is_clock = |feature: &String| ["clock", "default", "now"].contains(&feature.as_str());
    let tells_time = |used: &Dependency| {
        used.name == "chrono" && (used.uses_default_features || used.features.iter().any(is_clock))
    };
    let packages = packages().into_iter().filter(|one| one.dependencies.iter().any(tells_time));
    none(packages.map(|package| format!("{} has a chrono that tells the time", package.name)));
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let manifests = packages().into_iter().map(|package| package.manifest_path);
    let lax = manifests
        .filter(|path| !fs::read_to_string(path).unwrap().contains("[lints]\nworkspace = true\n"));
    none(lax.map(|path| format!("{} lacks the workspace's lints", path.display())));
}

#[test]
fn every_source_file_says_what_it_is_for_and_stays_short() {
    let mut faults = Vec::new();
    for path in files().iter().filter(|path| path.ends_with(".rs")) {
        let source = text(path);
        let lines = source.lines().count();
        let exempt = LONG_FILES.iter().find(|(long, _)| long == path).map(|(_, most)| *most);
        let most = exempt.unwrap_or(MAX_LINES);
        if !source.starts_with("//! ") {
            faults.push(format!("{path} does not open with `//!`"));
        }
        if lines > most {
            faults.push(format!("{path} has {lines} lines, and may have {most}"));
        }
        if exempt.is_some() && lines <= MAX_LINES {
            faults.push(format!("{path} needs no exemption any more"));
        }
    }
    none(faults);
}

#[test]
fn names_say_something() {
    let is_empty = |part: &str| EMPTY_NAMES.contains(&part.split('.').next().unwrap_or_default());
    let unnamed = files().into_iter().filter(|path| path.split('/').any(is_empty));
    none(unnamed.map(|path| format!("{path}: the name says nothing")));
}

#[test]
fn migrations_are_twins_and_say_why() {
    let names = entries("migrations/sqlite");
    assert_eq!(names, entries("migrations/postgres"), "twins have one name");
    let directories = names
        .iter()
        .flat_map(|name| ["sqlite", "postgres"].map(|twin| format!("migrations/{twin}/{name}")));
    let files = directories.flat_map(|at| ["up", "down"].map(|way| format!("{at}/{way}.sql")));
    let silent = files.filter(|file| !text(file).starts_with("-- Why: "));
    none(silent.map(|file| format!("{file} does not say why")));
}

#[test]
fn every_recipe_is_documented() {
    let justfile = text("justfile");
    let lines: Vec<&str> = justfile.lines().collect();
    let is_recipe = |line: &str| {
        line.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '@')
            && line.replace(":=", "").contains(':')
    };
    let bare = lines.windows(2).filter(|pair| is_recipe(pair[1]) && !pair[0].starts_with("# "));
    none(bare.map(|pair| format!("justfile: '{}' has no comment", pair[1])));
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let papers = entries("docs/decisions");
    let number = |name: &String| name.split('-').next().and_then(|digits| digits.parse().ok());
    let numbers: Vec<Option<usize>> = papers.iter().map(number).collect();
    assert_eq!(numbers, (1..=papers.len()).map(Some).collect::<Vec<_>>(), "{papers:?}");
}

#[test]
fn the_papers_explain_every_error_code() {
    let papers = text("docs/API.md");
    let sections = papers.split("\n## ").filter(|section| section.starts_with("Error codes\n"));
    let rows = sections.flat_map(str::lines).filter(|line| line.starts_with("| `"));
    let explained = rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        format!("{} {}", cells[1].trim_matches('`'), cells[2])
    });
    let codes = ErrorCode::ALL.iter().map(|code| format!("{} {}", code.as_str(), code.status()));
    assert_eq!(explained.collect::<Vec<_>>(), codes.collect::<Vec<_>>());
}

#[test]
fn what_the_readme_tells_to_type_exists() {
    let readme = text("README.md");
    for command in ["cargo run --release -- demo", ".ci/test"] {
        assert!(readme.contains(command), "README.md does not tell of `{command}`");
    }
    let words_after = |start| {
        let end = |c: char| !(c.is_ascii_alphanumeric() || "-/_".contains(c));
        readme.split(start).skip(1).filter_map(move |rest| rest.split(end).next())
    };
    for script in words_after(".ci/") {
        assert!(root().join(".ci").join(script).exists(), "README.md names .ci/{script}");
    }
    for name in words_after("cargo run --release -- ") {
        let help = Command::new(env!("CARGO_BIN_EXE_keywright")).args([name, "--help"]).output();
        assert!(help.unwrap().status.success(), "README.md names a subcommand '{name}'");
    }
}

/// The needles are put together here, lest this file find itself.
#[test]
fn nothing_is_put_off_without_an_issue_or_tied_to_one_machine() {
    let put_off = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME"];
    let machine = ["root", "work"].map(|name| format!("/{name}/"));
    let mut faults = Vec::new();
    for path in files() {
        for (line, number) in text(&path).lines().zip(1..) {
            let has = |needles: &[String]| needles.iter().any(|needle| line.contains(needle));
            let mut after_hashes = line.split('#').skip(1);
            let has_issue = after_hashes.any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            if has(&put_off) && !has_issue {
                faults.push(format!("{path}:{number} puts something off without an issue's `#`"));
            }
            if has(&machine) {
                faults.push(format!("{path}:{number} names a directory of one machine"));
            }
        }
    }
    none(faults);
}

#[track_caller]
fn none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn packages() -> Vec<Package> {
    let arguments = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
    let cargo = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    serde_json::from_slice::<Metadata>(&cargo.stdout).unwrap().packages
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A text of the tree. What is no text reads as an empty one.
fn text(path: &str) -> String {
    let bytes = fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    String::from_utf8(bytes).unwrap_or_default()
}

/// The names in a directory, sorted.
fn entries(path: &str) -> Vec<String> {
    let listed = fs::read_dir(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let names = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Every file that is written by hand, relative to the root.
fn files() -> Vec<String> {
    let mut found = Vec::new();
    let mut left = entries("");
    while let Some(path) = left.pop() {
        if MADE.contains(&path.as_str()) {
            continue;
        }
        if root().join(&path).is_dir() {
            left.extend(entries(&path).into_iter().map(|name| format!("{path}/{name}")));
        } else {
            found.push(path);
        }
    }
    found
}
