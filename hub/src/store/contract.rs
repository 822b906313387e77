//! What every store promises, run on each of them.

use std::collections::BTreeMap;

use skerry_common::bundle::digest::Digest;
use skerry_common::id::{ClusterId, ClusterName};

use super::clusters::{Certificate, JoinToken, NewCluster, Registration};
use super::memory::MemoryStore;
use super::sqlite::SqliteStore;
use super::{BlobStore, HubStore};

mod blobs;
mod bundles;
mod clusters;
mod journal;
mod operators;
mod sources;
mod states;

/// Runs one promise on both stores.
macro_rules! on_both {
    ($($promise:ident),+ $(,)?) => {
        mod on_memory {
            $(#[tokio::test] async fn $promise() { super::$promise(super::super::MemoryStore::new()).await; })+
        }
        mod on_sqlite {
            $(#[tokio::test] async fn $promise() {
                let folder = tempfile::tempdir().expect("a folder");
                super::$promise(super::super::sqlite(folder.path()).await).await;
            })+
        }
    };
}
use on_both;

async fn sqlite(folder: &std::path::Path) -> SqliteStore {
    SqliteStore::open(&folder.join("hub.sqlite")).await.expect("a fresh store")
}

trait Store: HubStore + BlobStore {}
impl<S: HubStore + BlobStore> Store for S {}

fn id(text: &str) -> ClusterId {
    ClusterId::parse(text).expect("a valid id")
}

fn new_cluster(name: &str, labels: &[(&str, &str)]) -> NewCluster {
    NewCluster {
        id: id(&format!("id-{name}")),
        name: ClusterName::parse(name).expect("a valid name"),
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        variables: BTreeMap::from([("REGION".to_owned(), "eu".to_owned())]),
        created_unix_ms: 1_000,
    }
}

async fn registered(store: &impl Store, name: &str) -> ClusterId {
    let cluster = new_cluster(name, &[]);
    let id = cluster.id.clone();
    assert_eq!(store.register(cluster, None).await.expect("registers"), Registration::Registered);
    id
}

fn token(cluster: &ClusterId, secret: &str) -> JoinToken {
    JoinToken {
        hash: Digest::of(secret.as_bytes()),
        cluster: cluster.clone(),
        created_unix_ms: 1_000,
        expires_unix_ms: 2_000,
        used_by: None,
    }
}

fn certificate(serial: &str, key: &str, issued_unix_ms: i64) -> Certificate {
    Certificate {
        serial: serial.to_owned(),
        key: Digest::of(key.as_bytes()),
        issued_unix_ms,
        expires_unix_ms: issued_unix_ms + 1_000,
    }
}
