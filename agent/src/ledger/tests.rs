//! Both ledgers under one contract, and the desk over whatever lies in the folder.

use std::fs;
use std::path::{Path, PathBuf};

use skerry_common::backoff::splitmix;

use super::desk::Desk;
use super::*;

/// Entries of a ledger.
const ENTRIES: usize = 60;

fn key(number: usize) -> ObjectKey {
    let namespace = Some("shop".to_owned());
    ObjectKey { group: "apps".into(), kind: "Deployment".into(), namespace, name: format!("web-{number}") }
}

fn entry(number: usize) -> Remembered {
    Remembered {
        uid: format!("uid-{number}"),
        resource_version: number.to_string(),
        projection: Some(Digest::of(&number.to_be_bytes())),
        pruning: if number.is_multiple_of(2) { Pruning::Allowed } else { Pruning::Disabled },
        fields: Fields::Right,
        health: Health::Progressing,
        gate: GateMark::Wait,
        reason: "1 of 2 replicas are ready".into(),
    }
}

fn all() -> Recalled {
    (0..ENTRIES).map(|number| (key(number), entry(number))).collect()
}

fn notes() -> Vec<Note> {
    all().into_iter().map(|(key, entry)| (key, Some(entry))).collect()
}

fn keeps_and_forgets(ledger: &mut impl Ledger) {
    assert_eq!(ledger.recall().expect("reads"), Recalled::new());
    ledger.note(&notes()).expect("notes");
    assert_eq!(ledger.recall().expect("reads"), all());
    let newer = Remembered { resource_version: "99".into(), ..entry(1) };
    ledger.note(&[(key(0), None), (key(1), Some(newer.clone())), (key(999), None)]).expect("notes");
    let recalled = ledger.recall().expect("reads");
    assert_eq!((recalled.len(), recalled.get(&key(0)), recalled.get(&key(1))), (ENTRIES - 1, None, Some(&newer)));
}

#[test]
fn both_keep_and_forget() {
    keeps_and_forgets(&mut MemoryLedger::default());
    let folder = tempfile::tempdir().expect("a folder");
    keeps_and_forgets(&mut SledLedger::open(folder.path()).expect("opens"));
    let again = SledLedger::open(folder.path()).expect("opens again");
    assert_eq!(again.recall().expect("reads").len(), ENTRIES - 1);
}

/// A state folder whose ledger has every entry.
async fn written() -> tempfile::TempDir {
    let state = tempfile::tempdir().expect("a folder");
    let mut desk = Desk::open(state.path());
    assert_eq!(desk.recall().await, Recalled::new());
    assert!(desk.note(notes()));
    desk.close().await;
    state
}

/// Opens what is there, and sees that it can be used: what it tells is true, and what it is told it keeps.
async fn works(state: &Path, what: &str) -> Recalled {
    let mut desk = Desk::open(state);
    let recalled = desk.recall().await;
    let written = all();
    assert!(recalled.iter().all(|(key, entry)| written.get(key) == Some(entry)), "{what}: {recalled:?}");
    assert!(desk.note(notes()), "{what}");
    desk.close().await;
    recalled
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("reads") {
        let path = entry.expect("reads").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).expect("is inside"));
        fs::create_dir_all(target.parent().expect("a parent")).expect("a folder");
        fs::copy(&file, target).expect("copies");
    }
}

#[tokio::test]
async fn what_is_written_is_recalled() {
    let state = written().await;
    assert_eq!(works(state.path(), "untouched").await, all());
    assert!(!state.path().join("ledger.damaged").exists());
}

#[tokio::test]
async fn whatever_happens_to_its_files_it_tells_no_lie_and_goes_on() {
    let whole = written().await;
    for file in files(whole.path()) {
        let name = file.strip_prefix(whole.path()).expect("is inside").to_owned();
        let content = fs::read(&file).expect("reads");
        let mut damages: Vec<(String, Option<Vec<u8>>)> = vec![
            ("missing".into(), None),
            ("empty".into(), Some(Vec::new())),
            ("half".into(), Some(content[..content.len() / 2].to_vec())),
            ("something else".into(), Some(b"no database of ours".repeat(50))),
            ("longer".into(), Some([content.as_slice(), &[0xa5; 100]].concat())),
        ];
        for seed in 0..12_u64 {
            let bit = usize::try_from(splitmix(seed) % (content.len().max(1) as u64 * 8)).expect("is small");
            let mut flipped = content.clone();
            if let Some(byte) = flipped.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            damages.push((format!("seed {seed}: bit {bit} flipped"), Some(flipped)));
        }
        for (what, bytes) in damages {
            let state = tempfile::tempdir().expect("a folder");
            copy(whole.path(), state.path());
            match bytes {
                Some(bytes) => fs::write(state.path().join(&name), bytes).expect("writes"),
                None => fs::remove_file(state.path().join(&name)).expect("removes"),
            }
            works(state.path(), &format!("{} {what}", name.display())).await;
        }
    }
}

/// The database itself, as the ledger opens it.
fn database(state: &Path) -> ::sled::Db {
    ::sled::Config::new().path(state.join("ledger")).segment_size(64 * 1024).open().expect("opens")
}

#[tokio::test]
async fn a_later_format_is_set_aside_and_kept() {
    let state = written().await;
    let database = database(state.path());
    database.insert(b"\0format", b"2 9.9.9".as_slice()).expect("writes");
    drop(database);
    assert_eq!(works(state.path(), "a later format").await, Recalled::new());
    assert!(state.path().join("ledger.damaged").is_dir(), "nothing is wiped");
}

#[tokio::test]
async fn what_another_version_noted_is_forgotten() {
    let state = written().await;
    let database = database(state.path());
    database.insert(b"\0format", b"1 0.0.1".as_slice()).expect("writes");
    drop(database);
    assert_eq!(works(state.path(), "another version").await, Recalled::new());
    assert!(!state.path().join("ledger.damaged").exists());
}

#[tokio::test]
async fn where_nothing_can_be_written_nothing_is_remembered_and_nothing_fails() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    assert_eq!(works(&file.path().join("below a file"), "no folder").await, Recalled::new());
    let full = MemoryLedger::default();
    full.set_full(true);
    let mut desk = Desk::of(full.clone());
    assert_eq!(desk.recall().await, Recalled::new());
    assert!(desk.note(notes()));
    desk.close().await;
    assert_eq!(full.recall().expect("reads"), Recalled::new());
}
