//! `key inspect` and `key scan` as real processes, which know of no server.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::databases::Database;

use crate::{KEYWRIGHT, process::Settings};

const TOKEN: &str = "unst_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";
const CHECKSUMMED: &str = "kw_live_0123456789ABCDEFGHIJKLMNOPQRSTUV0tyZ62";
const UUID: &str = "8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c";

fn key(arguments: &[&str], directory: &Path, input: &[u8]) -> Output {
    let mut command = Command::new(KEYWRIGHT);
    // A configuration that would stop every other command.
    command.env("KEYWRIGHT_DATABASE__URL", "nothing").env("KEYWRIGHT_SERVER__LISTN", "x");
    command.arg("key").args(arguments).current_dir(directory);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // It may end without having read everything.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    for secret in [TOKEN, CHECKSUMMED] {
        for shown in [&output.stdout, &output.stderr] {
            assert!(!String::from_utf8_lossy(shown).contains(secret), "{output:?}");
        }
    }
    output
}

fn inspect(input: &[u8]) -> (Option<i32>, Value, String) {
    let output = key(&["inspect", "--json"], Path::new("."), input);
    let told = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code(), told, String::from_utf8(output.stderr).unwrap())
}

/// The lines that a scan prints, sorted, and its exit code.
fn scan(arguments: &[&str], directory: &Path) -> (Option<i32>, Vec<String>) {
    let output = key(&[&["scan"], arguments].concat(), directory, b"");
    let told = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<_> = told.lines().map(str::to_owned).collect();
    lines.sort();
    (output.status.code(), lines)
}

#[test]
fn a_key_tells_what_it_is() {
    let (code, told, _) = inspect(format!("{CHECKSUMMED}\n").as_bytes());
    let expected = json!({
        "is_key": true, "kind": "organization", "form": "checksummed", "prefix": "kw",
        "environment": "live", "checksum_holds": true, "fingerprint": "a2fb97f24aebda1f",
        "hint": "kw_live_…yZ62",
    });
    assert_eq!((code, told), (Some(0), expected));
    let kinds = [
        (TOKEN.to_owned(), "deployment", "token"),
        (format!("  unst_{UUID}\r\n"), "deployment", "prefixed_uuid"),
        (UUID.to_owned(), "platform", "uuid"),
        ("n58lzybi.1M2baTIHuRgPGbzdZC3Zch0b8VC2etL0".into(), "organization", "prefix_secret"),
    ];
    for (text, kind, form) in kinds {
        let (code, told, _) = inspect(text.as_bytes());
        assert_eq!((code, &told["kind"], &told["form"]), (Some(0), &json!(kind), &json!(form)));
        assert!(told.get("checksum_holds").is_none(), "{told}");
    }
    let output = key(&["inspect"], Path::new("."), CHECKSUMMED.as_bytes());
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("checksum     holds\n") && told.contains("prefix       kw\n"), "{told}");
}

#[test]
fn what_is_no_key_is_told_so() {
    let mistyped = CHECKSUMMED.replace("LMN", "LMM");
    let (code, told, complaint) = inspect(mistyped.as_bytes());
    assert_eq!(
        (code, &told["is_key"], &told["checksum_holds"]),
        (Some(1), &json!(false), &json!(false))
    );
    assert!(complaint.contains("mistyped") && !complaint.contains(&mistyped), "{complaint}");
    let long = vec![b'a'; 10 << 20];
    let nothing = [&b""[..], b"\n", b"hello", b"unst_short", b"\0\xff\xfe", &long, b"kw_live_"];
    for text in nothing {
        let (code, told, complaint) = inspect(text);
        assert_eq!((code, told), (Some(1), json!({"is_key": false})));
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    let output = key(&["inspect", TOKEN.get(..9).unwrap()], Path::new("."), b"");
    assert_eq!(output.status.code(), Some(2), "a key is no argument");
}

#[test]
fn a_scan_finds_keys_and_shows_none() {
    let directory = TempDir::new().unwrap();
    let write = |path: &str, content: &[u8]| {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    assert_eq!(scan(&["."], directory.path()), (Some(0), vec![]));
    write("clean.txt", format!("{UUID} unst_short {}", CHECKSUMMED.replace('9', "8")).as_bytes());
    assert_eq!(scan(&["."], directory.path()), (Some(0), vec![]));
    write(".env", format!("A=1\nKEY={TOKEN}\n").as_bytes());
    write("deep/er/binary", &[b"\0\xff\x80", CHECKSUMMED.as_bytes(), b"\0"].concat());
    write(".git/config", TOKEN.as_bytes());
    write(".gitignore", b"ignored\n");
    write("ignored", TOKEN.as_bytes());
    symlink(directory.path().join(".git/config"), directory.path().join("link")).unwrap();
    write(&format!("{TOKEN}.txt"), b"");
    let found = [
        "./.env:2:5  token  unst_…bCdE  227be79d3a30525a",
        "./deep/er/binary:1:4  checksummed  kw_live_…yZ62  a2fb97f24aebda1f",
        "./unst_…bCdE.txt:0:0  token  unst_…bCdE  227be79d3a30525a",
    ];
    assert_eq!(scan(&["."], directory.path()), (Some(1), found.map(str::to_owned).to_vec()));
    let (_, all) = scan(&["--no-ignore", "."], directory.path());
    assert!(all.len() == 4 && all.iter().any(|line| line.starts_with("./ignored:1:1 ")), "{all:?}");
    // Whoever names a file means it.
    assert_eq!(scan(&["ignored"], directory.path()).1.len(), 1);
    assert_eq!(scan(&["link"], directory.path()), (Some(0), vec![]));
    assert_eq!(scan(&["clean.txt", ".env", "deep"], directory.path()).1.len(), 2);
}

#[test]
fn a_scan_tells_json_and_what_it_could_not_read() {
    let directory = TempDir::new().unwrap();
    let told = |arguments: &[&str], input: &[u8]| {
        let output = key(&[&["scan", "--json"], arguments].concat(), directory.path(), input);
        let told: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.code(), told, String::from_utf8(output.stderr).unwrap())
    };
    let nothing = json!({"found": [], "files": 0, "unreadable": 0});
    assert_eq!(told(&["."], b""), (Some(0), nothing, String::new()));
    let input = format!("é {TOKEN}\n{CHECKSUMMED}");
    let (code, both, _) = told(&["-"], input.as_bytes());
    let first = json!({
        "path": "-", "line": 1, "column": 4, "form": "token", "hint": "unst_…bCdE",
        "fingerprint": "227be79d3a30525a",
    });
    assert_eq!((code, &both["found"][0], &both["files"]), (Some(1), &first, &json!(1)));
    assert_eq!((&both["found"][1]["line"], &both["found"][1]["column"]), (&json!(2), &json!(1)));
    let closed = directory.path().join("closed");
    fs::write(&closed, TOKEN).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    // Nothing is closed to root.
    if fs::read(&closed).is_err() {
        let (code, none, complaint) = told(&["."], b"");
        assert_eq!((code, &none["unreadable"]), (Some(0), &json!(1)));
        assert!(complaint.contains("./closed: "), "{complaint}");
    }
}

#[test]
fn online_a_scan_tells_which_uuids_are_keys_and_what_became_of_them() {
    let database = Database::sqlite();
    let settings = Settings::over(&database);
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("notes").display().to_string();
    fs::write(&file, "").unwrap();
    let absent = settings.run(&["key", "scan", "--online", &file]);
    let made = Path::new(database.url().strip_prefix("sqlite://").unwrap()).exists();
    assert_eq!((absent.status.code(), made), (Some(4), false), "{absent:?}");
    let (platform_key, _) = settings.given_organization("acme");
    fs::write(&file, format!("{UUID} {platform_key} {TOKEN}")).unwrap();
    let output = settings.run(&["key", "scan", "--online", "--json", &file]);
    let told: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let [platform, token] = told["found"].as_array().unwrap().as_slice() else {
        panic!("{told}");
    };
    assert_eq!((&platform["form"], &platform["column"]), (&json!("uuid"), &json!(38)));
    assert_eq!(platform["keys"][0]["status"], "live");
    assert_eq!(platform["keys"][0]["organization"], "acme");
    assert_eq!((&token["form"], &token["keys"]), (&json!("token"), &json!([])));
    assert!(!told.to_string().contains(&platform_key), "{told}");
    let output = settings.run(&["key", "scan", "--online", &file]);
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(lines.contains("  live acme ") && lines.ends_with("  unknown\n"), "{lines}");
}

#[test]
fn wrong_usage_of_a_scan_is_exit_code_two() {
    let directory = TempDir::new().unwrap();
    for arguments in [&[][..], &["absent"], &["--print-regex", "."], &["--print-regex", "--json"]] {
        let (code, lines) = scan(arguments, directory.path());
        assert_eq!((code, lines.len()), (Some(2), 0), "{arguments:?}");
    }
}

#[test]
fn a_large_file_takes_little_memory_and_its_last_key_is_found() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("large");
    let file = fs::File::create(&path).unwrap();
    // No line ends in it, and it has hardly a byte on disk.
    file.set_len(128 << 20).unwrap();
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(TOKEN.as_bytes()).unwrap();
    let limit = format!("ulimit -v 120000; exec '{KEYWRIGHT}' key scan large");
    let output = Command::new("sh").args(["-c", &limit]).current_dir(&directory).output().unwrap();
    let found = "large:1:134217729  token  unst_…bCdE  227be79d3a30525a\n";
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stdout)),
        (Some(1), found.into())
    );
}

#[test]
fn other_scanners_take_the_expressions() {
    let (code, expressions) = scan(&["--print-regex"], Path::new("."));
    assert_eq!(code, Some(0));
    let directory = TempDir::new().unwrap();
    let test = CHECKSUMMED.replace("_live_", "_test_");
    for text in [TOKEN, &format!("unst_{UUID}"), CHECKSUMMED, &test] {
        fs::write(directory.path().join("file"), text).unwrap();
        let finds = |expression: &&String| {
            let mut grep = Command::new("grep");
            let grep = grep.args(["-Eoh", expression, "file"]).current_dir(&directory);
            String::from_utf8(grep.output().unwrap().stdout).unwrap().trim() == text
        };
        assert_eq!(expressions.iter().filter(finds).count(), 1, "{text}");
    }
}

/// The hook as the papers have it, in a repository.
#[test]
fn the_hook_stops_a_commit_with_a_key() {
    let papers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/SCANNING.md");
    let papers = fs::read_to_string(papers).unwrap();
    let hook = papers.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let directory = TempDir::new().unwrap();
    let repository = directory.path().join("repository");
    fs::create_dir(&repository).unwrap();
    let binaries = Path::new(KEYWRIGHT).parent().unwrap().display().to_string();
    let path = format!("{binaries}:{}", std::env::var("PATH").unwrap());
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=n", "-c", "user.email=e@example.org"]).args(arguments);
        git.env("PATH", &path).env("HOME", directory.path()).current_dir(&repository);
        git.output().expect("git")
    };
    git(&["init", "-q"]);
    let place = repository.join(".git/hooks/pre-commit");
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, hook).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    let file = repository.join("a file");
    fs::write(&file, format!("key: {TOKEN}\n")).unwrap();
    git(&["add", "."]);
    // What is staged counts, not what lies in the directory.
    fs::write(&file, "").unwrap();
    let refused = git(&["commit", "-qm", "with a key"]);
    let told = String::from_utf8_lossy(&refused.stdout) + String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("./a file:1:6  token") && !told.contains(TOKEN), "{told}");
    git(&["add", "."]);
    fs::write(&file, TOKEN).unwrap();
    let taken = git(&["commit", "-qm", "without a key"]);
    assert!(taken.status.success(), "{taken:?}");
}
