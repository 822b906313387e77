//! A writer that is killed at any instant leaves whole transactions and nothing else.
//!
//! The writer is this test binary again, started with a folder in its environment; it writes rounds of
//! everything that must be consistent until it is killed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::signature::{KeyId, Signature};
use skerry_common::id::{ClusterId, ClusterName, Epoch, Generation, Incarnation, Place, Sequence};
use skerry_common::journal::{Event, JournalEntry};
use skerry_common::report::BundleMark;

use super::SqliteStore;
use crate::store::bundles::{Reservation, Reserve};
use crate::store::clusters::NewCluster;
use crate::store::journal::{EventQuery, Range};
use crate::store::{BlobStore as _, BundleStore as _, ClusterStore as _, HubStore as _, JournalStore as _, Position};

/// Where the writer writes; unset in ordinary runs.
const FOLDER: &str = "SKERRY_CRASH_FOLDER";

/// How often the writer is killed.
const KILLS: u64 = 10;

/// Entries in one batch: more than one, so that half a batch would show.
const BATCH: u64 = 5;

fn cluster() -> ClusterId {
    ClusterId::parse("edge").expect("valid")
}

fn signature() -> Signature {
    Signature { keyid: KeyId("k".into()), sig: vec![1; 64] }
}

async fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("hub.sqlite")).await.expect("opens after every kill")
}

/// One round: blobs, then the root that names them, then its signature, then a journal batch.
async fn round(store: &SqliteStore) {
    let edge = cluster();
    let newest = store.newest_reserved(&edge).await.expect("reads");
    let generation = newest.as_ref().map_or(1, |root| root.place.generation.0 + 1);
    let blobs = store.put_many(vec![format!("blob {generation}").into_bytes()], 1).await.expect("stores");
    let payload = blobs[0].digest.to_string().into_bytes();
    let place = Place { epoch: Epoch(1), generation: Generation(generation) };
    let mark = BundleMark { place, root: Digest::of(&payload) };
    let parent = newest.map(|root| root.digest);
    let reservation =
        Reservation { cluster: edge.clone(), parent, place, payload, now_unix_ms: 1, sweeps: 0, roots_kept: 20 };
    assert_eq!(store.reserve(reservation).await.expect("answers"), Reserve::Reserved);
    assert!(store.attach_signature(&edge, mark, signature(), 1).await.expect("signs"));
    let through = store.mark(&edge, Incarnation(1)).await.expect("reads").0;
    let entry = |sequence| JournalEntry {
        sequence: Sequence(sequence),
        at_unix_ms: 1,
        event: Event::Started { version: String::new() },
    };
    let entries: Vec<_> = (through + 1..=through + BATCH).map(entry).collect();
    store.append(&edge, Incarnation(1), &entries, 1).await.expect("stores");
}

#[tokio::test]
async fn writer() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open(Path::new(&folder)).await;
    // As a hub does after a restart: the same bytes are signed again.
    for root in store.unsigned().await.expect("lists") {
        assert!(store.attach_signature(&root.cluster, root.mark(), signature(), 1).await.expect("signs"));
    }
    loop {
        round(&store).await;
    }
}

/// What must hold whenever the writer died.
async fn check(folder: &Path) -> u64 {
    let (store, edge) = (open(folder).await, cluster());
    for root in store.roots_after(0, 1_000).await.expect("reads: every payload hashes to its digest") {
        let named: Digest = std::str::from_utf8(&root.payload).expect("text").parse().expect("a digest");
        assert!(store.get(&named).await.expect("reads").is_some(), "the blob of {} is there", root.place);
    }
    assert!(store.unsigned().await.expect("lists").len() <= 1, "only the last may be unsigned");
    let through = store.mark(&edge, Incarnation(1)).await.expect("reads").0;
    assert_eq!(through % BATCH, 0, "no half batch");
    let query = EventQuery { cluster: Some(edge), range: Range::Before(None), limit: 1_000 };
    let events = store.events(&query).await.expect("lists");
    let dropped: u64 =
        store.dropped_events(Some(&cluster())).await.expect("counts").iter().map(|(_, count)| count).sum();
    assert_eq!(events.len() as u64 + dropped, through, "mark and entries agree");
    assert!(events.first().map_or(Position(0), |event| event.position) <= *store.head().borrow());
    store.close().await;
    through
}

#[tokio::test]
async fn a_killed_writer_leaves_whole_transactions() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let new = NewCluster {
        id: cluster(),
        name: ClusterName::parse("edge").expect("valid"),
        labels: Default::default(),
        variables: Default::default(),
        created_unix_ms: 1,
    };
    store.register(new, None).await.expect("registers");
    store.close().await;
    let (mut through, mut seed) = (0, 7);
    for _ in 0..KILLS {
        let mut writer = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", "store::sqlite::crash::writer", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        // Any instant will do: soon after the start, in the middle of a round, in a checkpoint.
        seed = skerry_common::backoff::splitmix(seed);
        tokio::time::sleep(Duration::from_millis(30 + seed % 300)).await;
        writer.kill().expect("SIGKILL");
        writer.wait().expect("ends");
        let now = check(folder.path()).await;
        assert!(now >= through, "nothing that was acknowledged is lost");
        through = now;
    }
    assert!(through > 0, "the writer wrote something");
}

#[tokio::test]
async fn a_later_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    sqlx::query("INSERT INTO schema_version (version) VALUES (99)").execute(&store.inner.writer).await.expect("writes");
    store.close().await;
    let path = folder.path().join("hub.sqlite");
    let refused = SqliteStore::open(&path).await.err().expect("is refused");
    assert_eq!(refused.to_string(), "the store has schema 99: this version knows up to 3; upgrade the hub");
    std::fs::write(&path, b"this is no database, and long enough to look like one").expect("writes");
    let _ = std::fs::remove_file(folder.path().join("hub.sqlite-wal"));
    assert!(matches!(SqliteStore::open(&path).await.err(), Some(crate::store::StoreError::Open { .. })));
}

#[tokio::test]
async fn a_backup_is_whole_while_the_hub_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let new = NewCluster {
        id: cluster(),
        name: ClusterName::parse("edge").expect("valid"),
        labels: Default::default(),
        variables: Default::default(),
        created_unix_ms: 1,
    };
    store.register(new, None).await.expect("registers");
    let copies = folder.path().join("copies");
    std::fs::create_dir(&copies).expect("makes a folder");
    let writing = store.clone();
    let writer = tokio::task::spawn(async move {
        for _ in 0..50 {
            round(&writing).await;
        }
    });
    let copy = copies.join("hub.sqlite");
    store.backup(&copy).await.expect("copies");
    assert!(matches!(store.backup(&copy).await, Err(crate::store::StoreError::BackupExists(_))));
    writer.await.expect("writes");
    check(&copies).await;
    assert_eq!(check(folder.path()).await, 50 * BATCH);
}
