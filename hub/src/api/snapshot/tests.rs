use skerry_common::id::{ClusterId, ClusterName};

use super::*;
use crate::store::ClusterStore as _;
use crate::store::clusters::{Heard, NewCluster, Says};
use crate::store::memory::MemoryStore;

const NOW: i64 = 1_700_000_000_000;

fn clock() -> i64 {
    NOW
}

#[tokio::test]
async fn contacts_are_read_again_after_a_while_though_they_are_no_change() {
    let store = MemoryStore::new();
    let (id, name) = (ClusterId::parse("c1").expect("a name"), ClusterName::parse("edge").expect("a name"));
    let cluster = NewCluster {
        id: id.clone(),
        name: name.clone(),
        labels: BTreeMap::new(),
        variables: BTreeMap::new(),
        created_unix_ms: NOW - 100_000,
    };
    store.register(cluster, None).await.expect("registers");
    joined(&store, &id).await;
    let (_fleet, documents) = watch::channel(Arc::default());
    let (mut keeper, snapshot) = Keeper::new(store.clone(), documents, ContactBounds::default(), clock);
    let heard = || snapshot.borrow().clusters.get(&name).and_then(|entry| entry.record.last_heard);
    keeper.refresh().await.expect("reads");

    let spoke = |at_unix_ms| Heard { cluster: id.clone(), at_unix_ms, says: Says::Nothing };
    store.touch(&[spoke(NOW - 20_000)]).await.expect("stores");
    keeper.contacts_read_unix_ms = NOW - CONTACTS_INTERVAL_MS;
    keeper.refresh().await.expect("reads");
    assert_eq!(heard(), Some(Timestamp(NOW - 20_000)));

    // The agent spoke again: no change that watchers are told of, and not yet time to look.
    let head = *store.head().borrow();
    store.touch(&[spoke(NOW - 5_000)]).await.expect("stores");
    assert_eq!(*store.head().borrow(), head, "a contact has no position");
    keeper.refresh().await.expect("reads");
    assert_eq!(heard(), Some(Timestamp(NOW - 20_000)), "not yet");

    keeper.contacts_read_unix_ms = NOW - CONTACTS_INTERVAL_MS;
    keeper.refresh().await.expect("reads");
    assert_eq!(heard(), Some(Timestamp(NOW - 5_000)));
}

/// Lets the cluster join, as `skerry-enroll/1` does.
async fn joined(store: &MemoryStore, cluster: &ClusterId) {
    use crate::store::clusters::{Certificate, Join};
    let certificate = Certificate {
        serial: "01".into(),
        key: skerry_common::bundle::digest::Digest::of(b"key"),
        issued_unix_ms: NOW,
        expires_unix_ms: NOW + 1,
    };
    let join = Join { token: None, cluster: cluster.clone(), certificate, sealing_key: vec![1; 32], now_unix_ms: NOW };
    store.join(join).await.expect("joins");
}
