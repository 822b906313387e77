//! Real SQLite, real manifests; only the bundles are small.

use std::path::Path;

use skerry_common::bundle::digest::BlobRef;
use skerry_common::bundle::manifest::{Encoding, ManifestEntry, Order, Policy};
use skerry_common::bundle::root::ApplicationRef;
use skerry_common::bundle::signature::{KeyId, Signature};
use skerry_common::id::{ApplicationName, ClusterId, ClusterName, Epoch, FleetId, Generation};
use skerry_common::report::BundleMark;
use time::OffsetDateTime;

use super::*;
use crate::store::bundles::{Reservation, Reserve};
use crate::store::clusters::NewCluster;
use crate::store::sqlite::SqliteStore;
use crate::store::{BundleStore as _, ClusterStore as _};

/// Roots that are kept.
const KEPT: u32 = 3;

/// When everything is published; everything is old a month later.
const NOW: i64 = 1_800_000_000_000;

async fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("hub.db")).await.expect("opens")
}

async fn registered(store: &SqliteStore) -> ClusterId {
    let id = ClusterId::parse("c1").expect("an id");
    let name = ClusterName::parse("edge").expect("a name");
    let (labels, variables) = Default::default();
    store
        .register(NewCluster { id: id.clone(), name, labels, variables, created_unix_ms: NOW }, None)
        .await
        .expect("is");
    id
}

fn sweeper(store: &SqliteStore) -> Sweeper<SqliteStore, SqliteStore> {
    let later = OffsetDateTime::from_unix_timestamp(NOW / 1000).expect("a time") + time::Duration::days(30);
    let (clock, grace) = (WallClock::fixed(later), Duration::from_secs(60 * 60));
    Sweeper { store: store.clone(), blobs: store.clone(), clock, grace, metrics: Metrics::default() }
}

fn object(value: &str) -> Vec<u8> {
    format!("{{\"apiVersion\":\"v1\",\"data\":{{\"value\":\"{value}\"}},\"kind\":\"ConfigMap\"}}").into_bytes()
}

fn manifest(values: &[&str]) -> Vec<u8> {
    let entry = |value: &&str| ManifestEntry {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some("shop".into()),
        name: (*value).to_owned(),
        content: BlobRef::of(&object(value)),
        encoding: Encoding::Plain,
        order: Order::of("", "ConfigMap"),
    };
    let name = ApplicationName::parse("web").expect("a name");
    let manifest = Manifest::new(name, Policy::default(), values.iter().map(entry).collect()).expect("a manifest");
    manifest.to_bytes().expect("bytes")
}

fn root(cluster: &ClusterId, generation: u64, manifest: &[u8]) -> BundleRoot {
    let name = ApplicationName::parse("web").expect("a name");
    BundleRoot {
        schema: 1,
        fleet: FleetId::parse("f1").expect("an id"),
        cluster: cluster.clone(),
        epoch: Epoch(1),
        generation: Generation(generation),
        parent: None,
        issued: "2026-01-01T00:00:00Z".into(),
        expires: "2027-01-01T00:00:00Z".into(),
        hub: "hub".into(),
        renderer: "0".into(),
        sources: Vec::new(),
        applications: vec![ApplicationRef { name, manifest: BlobRef::of(manifest), sources: Vec::new() }],
        key_blob: None,
        confirmations: Vec::new(),
        sync_requests: 0,
    }
}

/// Publishes as the publisher does: content first, then the place; again from the start while it is refused.
async fn publish(store: &SqliteStore, cluster: &ClusterId, values: &[&str]) -> u64 {
    loop {
        let sweeps = store.sweeps().await.expect("counts");
        let manifest = manifest(values);
        let blobs = values.iter().map(|value| object(value)).chain([manifest.clone()]).collect();
        store.put_many(blobs, NOW).await.expect("stores");
        let newest = store.newest_reserved(cluster).await.expect("reads");
        let generation = newest.as_ref().map_or(1, |root| root.place.generation.0 + 1);
        let root = root(cluster, generation, &manifest);
        let payload = root.to_bytes().expect("bytes");
        let mark = BundleMark { place: root.place(), root: Digest::of(&payload) };
        let reservation = Reservation {
            cluster: cluster.clone(),
            parent: newest.map(|root| root.digest),
            place: mark.place,
            payload,
            now_unix_ms: NOW,
            sweeps,
            roots_kept: KEPT,
        };
        if store.reserve(reservation).await.expect("answers") == Reserve::Reserved {
            let signature = Signature { keyid: KeyId("k".into()), sig: vec![0; 64] };
            assert!(store.attach_signature(cluster, mark, signature, NOW).await.expect("signs"));
            return generation;
        }
    }
}

/// Which of these are stored, with the manifest that names them.
async fn stored(store: &SqliteStore, values: &[&str]) -> Vec<bool> {
    let objects = values.iter().map(|value| Digest::of(&object(value)));
    let digests: Vec<_> = objects.chain([Digest::of(&manifest(values))]).collect();
    store.has_many(&digests).await.expect("looks")
}

#[tokio::test]
async fn what_kept_bundles_need_stays_and_the_rest_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let edge = registered(&store).await;
    let values: Vec<String> = (0..5).map(|number| format!("own-{number}")).collect();
    for value in &values {
        publish(&store, &edge, &["shared", value]).await;
    }
    store.put_many(vec![object("left over")], NOW).await.expect("stores");
    store.close().await;

    let store = open(folder.path()).await;
    // Two objects and two manifests of bundles that are kept no longer, and what was never published.
    assert_eq!(sweeper(&store).sweep().await.expect("sweeps"), 5);
    for (index, value) in values.iter().enumerate() {
        let kept = index >= 2;
        assert_eq!(stored(&store, &["shared", value]).await, [true, kept, kept], "{value}");
    }
    store.close().await;

    let store = open(folder.path()).await;
    assert_eq!(sweeper(&store).sweep().await.expect("sweeps"), 0, "nothing is left over");
    publish(&store, &edge, &["shared", "own-0"]).await;
    assert_eq!(stored(&store, &["shared", "own-0"]).await, [true; 3], "what went comes back");
}

#[tokio::test]
async fn what_is_young_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    store.put_many(vec![object("left over")], NOW).await.expect("stores");
    let patient = Sweeper { grace: Duration::from_secs(60 * 60 * 24 * 40), ..sweeper(&store) };
    assert_eq!(patient.sweep().await.expect("sweeps"), 0);
    assert_eq!(sweeper(&store).sweep().await.expect("sweeps"), 1);
}

#[tokio::test]
async fn nothing_is_deleted_while_a_kept_bundle_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let edge = registered(&store).await;
    let manifest = manifest(&["one"]);
    let root = root(&edge, 1, &manifest);
    let (place, payload) = (root.place(), root.to_bytes().expect("bytes"));
    let reservation =
        Reservation { cluster: edge, parent: None, place, payload, now_unix_ms: NOW, sweeps: 0, roots_kept: KEPT };
    assert_eq!(store.reserve(reservation).await.expect("answers"), Reserve::Reserved);
    store.put_many(vec![object("one"), object("left over")], NOW).await.expect("stores");
    let swept = sweeper(&store).sweep().await;
    assert!(
        matches!(swept, Err(SweepError::Unreadable { what: "manifest", digest }) if digest == Digest::of(&manifest))
    );
    assert_eq!(stored(&store, &["one"]).await, [true, false]);
}

/// Everything counts as old, so only the order of things protects what is being published.
#[tokio::test(flavor = "multi_thread")]
async fn publications_lose_nothing_to_a_sweep_at_the_same_time() {
    const PUBLICATIONS: u64 = 40;
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let edge = registered(&store).await;
    let stop = CancellationToken::new();
    let (sweeping, stopped) = (sweeper(&store), stop.clone());
    let sweeps = tokio::spawn(async move {
        let mut deleted = 0;
        while !stopped.is_cancelled() {
            deleted += sweeping.sweep().await.expect("sweeps");
            tokio::task::yield_now().await;
        }
        deleted
    });
    loop {
        // What is published now went, or is about to go, since it was published the last time.
        let number = store.newest_reserved(&edge).await.expect("reads").map_or(0, |root| root.place.generation.0);
        let own = format!("own-{}", number % 5);
        let values = ["shared", own.as_str()];
        let generation = publish(&store, &edge, &values).await;
        assert_eq!(stored(&store, &values).await, [true; 3], "generation {generation}");
        if generation == PUBLICATIONS {
            break;
        }
    }
    stop.cancel();
    assert!(sweeps.await.expect("runs") > 0, "it deleted what went");
}
