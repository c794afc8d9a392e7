//! `keys-core` as somebody else uses it: from a crate of their own, outside of this workspace.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The dependency tree is smaller, whatever features are on.
const MAX_CRATES: usize = 40;

const PROGRAM: &str = r#"
use keys_core::{Form, OsEntropy, Pattern, Pepper, mint};

fn main() {
    let pepper = Pepper::new(b"thirty-two random bytes or more, from a file").expect("long enough");
    let minted = mint(Pattern::Token, &pepper, &OsEntropy::open().expect("a generator"));
    let shown = minted.secret.reveal_once();
    assert_eq!(pepper.digest(&shown), minted.stored.digest);
    println!("{:?}", Form::of(&shown));
}
"#;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A crate that depends on `keys-core` by its path. Its lock is ours, of which cargo leaves out what
/// it does not need: nothing is fetched.
fn fresh_crate(features: &str) -> PathBuf {
    let name = format!("embedding-{}", features.replace(['"', ',', ' '], ""));
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(at.join("src")).unwrap();
    let path = workspace().join("crates/keys-core");
    let manifest = format!(
        "[package]\nname = \"fresh\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies.keys-core]\npath = \"{}\"\nfeatures = [{features}]\n",
        path.display()
    );
    fs::write(at.join("Cargo.toml"), manifest).unwrap();
    fs::write(at.join("src/main.rs"), PROGRAM).unwrap();
    fs::copy(workspace().join("Cargo.lock"), at.join("Cargo.lock")).unwrap();
    at
}

fn cargo(at: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(at).env("CARGO_TARGET_DIR", at.join("target")).arg("--offline");
    let ended = command.args(arguments).output().unwrap();
    let (told, why) = (String::from_utf8(ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "cargo {arguments:?}: {why}");
    told.unwrap()
}

#[test]
fn keys_core_is_built_and_used_outside_of_the_workspace() {
    let at = fresh_crate(r#""os-rng""#);
    assert_eq!(cargo(&at, &["run", "--quiet"]), "Some(Token)\n");
}

#[test]
fn keys_core_with_every_feature_is_a_small_tree_of_crates_that_its_rust_version_builds() {
    let at = fresh_crate(r#""os-rng", "serde""#);
    let tree = cargo(&at, &["tree", "--prefix", "none", "--no-dedupe", "--edges", "normal,build"]);
    let mut crates: Vec<&str> = tree.lines().filter(|line| !line.starts_with("fresh ")).collect();
    crates.sort_unstable();
    crates.dedup();
    assert!(crates.len() < MAX_CRATES, "{} crates: {crates:#?}", crates.len());
    for other in ["tokio", "actix", "diesel", "reqwest", "serde_json", "access-domain"] {
        assert!(!crates.iter().any(|name| name.starts_with(other)), "{other} in {crates:#?}");
    }

    let host = host();
    let told = cargo(&at, &["metadata", "--format-version", "1", "--filter-platform", &host]);
    let packages: Value = serde_json::from_str(&told).unwrap();
    let packages = packages["packages"].as_array().unwrap();
    let version_of = |package: &Value| package["rust_version"].as_str().map(version);
    let stated = |name: &str| packages.iter().find(|one| one["name"] == name).and_then(version_of);
    let ours = stated("keys-core").expect("keys-core states its Rust version");
    let newer: Vec<_> = packages
        .iter()
        .filter(|package| version_of(package).is_some_and(|needed| needed > ours))
        .map(|package| format!("{} needs {}", package["name"], package["rust_version"]))
        .collect();
    assert!(newer.is_empty(), "keys-core states Rust {ours:?}, but {newer:#?}");
}

#[test]
fn keys_core_alone_asks_for_nothing_that_is_not_needed() {
    let at = fresh_crate("");
    let tree = cargo(&at, &["tree", "--prefix", "none", "--edges", "normal,build"]);
    for other in ["serde", "rand", "getrandom", "proptest", "syn v2"] {
        let has = tree.lines().any(|line| line.starts_with(other));
        assert!(!has, "{other} comes unasked: {tree}");
    }
}

fn host() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Command::new(rustc).arg("-vV").output().unwrap().stdout;
    let told = String::from_utf8(told).unwrap();
    told.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// `1.71` and `1.71.0` are the same.
fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split('.').map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap_or(0))
}

/// As it would be uploaded: what it is made of, and nothing beside.
#[test]
fn keys_core_is_a_package() {
    let listed = cargo(
        &workspace(),
        &["package", "--package", "keys-core", "--list", "--allow-dirty", "--no-verify"],
    );
    let has = |name: &str| listed.lines().any(|line| line == name);
    for needed in ["Cargo.toml", "README.md", "src/lib.rs", "examples/mint_and_check.rs"] {
        assert!(has(needed), "{needed} is missing from {listed}");
    }
    let strange = listed.lines().find(|line| line.starts_with("tests/") || line.ends_with(".txt"));
    assert_eq!(strange, None, "tests need the repository");
}
