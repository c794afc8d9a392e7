//! What lies below the directory is reached, and nothing else.

use std::{fs, os::unix::fs::symlink, path::Path};

use super::*;

struct Place {
    root: tempfile::TempDir,
    directory: Directory,
}

fn place() -> Place {
    let root = tempfile::tempdir().unwrap();
    let allowed = root.path().join("allowed");
    fs::create_dir_all(allowed.join("acme/in/deep")).unwrap();
    fs::create_dir_all(allowed.join("other")).unwrap();
    fs::write(root.path().join("outside"), "secret").unwrap();
    fs::write(allowed.join("other/a.csv"), "theirs").unwrap();
    for name in ["in/b.csv", "in/a.csv", "in/c.json", "in/deep/d.csv", "in/.hidden.csv"] {
        fs::write(allowed.join("acme").join(name), name).unwrap();
    }
    let directory = Directory::new(allowed, "acme".into());
    Place { root, directory }
}

async fn read(directory: &Directory, name: &str) -> Result<String, EndError> {
    let mut content = directory.open(name).await?;
    let mut read = Vec::new();
    while let Some(piece) = content.next().await? {
        read.extend_from_slice(&piece);
    }
    Ok(String::from_utf8(read).unwrap())
}

fn within(place: &Place) -> std::path::PathBuf {
    place.root.path().join("allowed/acme")
}

#[tokio::test]
async fn what_a_location_means_is_listed_in_order() {
    let place = place();
    for (location, expected) in [
        ("in/", vec!["in/a.csv", "in/b.csv", "in/c.json", "in/deep/d.csv"]),
        ("in", vec!["in/a.csv", "in/b.csv", "in/c.json", "in/deep/d.csv"]),
        ("in/*.csv", vec!["in/a.csv", "in/b.csv"]),
        ("in/deep/d.csv", vec!["in/deep/d.csv"]),
        ("elsewhere/", vec![]),
    ] {
        let listed = place.directory.list(&Wanted::read(location)).await.unwrap();
        assert_eq!(listed, expected, "{location}");
    }
    let missing = place.directory.list(&Wanted::read("in/no.csv")).await.unwrap_err();
    assert_eq!(missing.to_string(), "there is no file 'in/no.csv'");
}

#[tokio::test]
async fn no_link_is_followed() {
    let place = place();
    let at = within(&place);
    symlink(place.root.path().join("outside"), at.join("in/link.csv")).unwrap();
    symlink(place.root.path(), at.join("up")).unwrap();
    let listed = place.directory.list(&Wanted::read("in/*.csv")).await.unwrap();
    assert!(!listed.contains(&"in/link.csv".to_owned()));
    assert!(place.directory.list(&Wanted::read("up/")).await.unwrap().is_empty());
    for name in ["in/link.csv", "up/outside", "../other/a.csv"] {
        assert!(read(&place.directory, name).await.is_err(), "{name}");
    }
    let refused = place.directory.put("up/x", b"x".to_vec(), "run").await.unwrap_err();
    assert!(refused.to_string().ends_with("links are not followed"), "{refused}");
    assert!(!Path::new(&place.root.path().join("x")).exists());
    // A link at the very place is replaced, and what it led to stays.
    place.directory.put("in/link.csv", b"new".to_vec(), "run").await.unwrap();
    assert_eq!(fs::read_to_string(place.root.path().join("outside")).unwrap(), "secret");
    assert_eq!(read(&place.directory, "in/link.csv").await.unwrap(), "new");
}

#[tokio::test]
async fn the_directory_itself_is_no_link_either() {
    let place = place();
    let allowed = place.root.path().join("allowed");
    symlink(allowed.join("other"), allowed.join("linked")).unwrap();
    let linked = Directory::new(allowed, "linked".into());
    assert!(read(&linked, "a.csv").await.is_err());
}

#[tokio::test]
async fn what_is_no_file_is_not_read() {
    let place = place();
    let pipe = within(&place).join("in/pipe.csv");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::from_raw_mode(0o600)).unwrap();
    assert!(read(&place.directory, "in/pipe.csv").await.is_err());
    assert!(read(&place.directory, "in/deep").await.is_err());
}

#[tokio::test]
async fn a_file_is_put_in_place_whole() {
    let place = place();
    place.directory.put("out/new/a.txt", b"one".to_vec(), "run").await.unwrap();
    // What a killed attempt left behind is in nobody's way.
    fs::write(within(&place).join("out/new/.a.txt.run"), "half").unwrap();
    place.directory.put("out/new/a.txt", b"two".to_vec(), "run").await.unwrap();
    assert_eq!(read(&place.directory, "out/new/a.txt").await.unwrap(), "two");
    let left: Vec<_> = fs::read_dir(within(&place).join("out/new")).unwrap().collect();
    assert_eq!(left.len(), 1);
    place.directory.remove("out/new/a.txt").await.unwrap();
    assert!(read(&place.directory, "out/new/a.txt").await.is_err());
}
