//! A publisher whose clusters run nothing: no Git is read.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use skerry_common::bundle::digest::BlobRef;
use skerry_common::diagnostic::Code;
use time::OffsetDateTime;

use super::*;
use crate::git::{Git, GitSettings};
use crate::keys::KeyFolder;
use crate::quic::switchboard::Switchboard;
use crate::store::blobs::Swept;
use crate::store::clusters::{Certificate, Join, NewCluster};
use crate::store::journal::{EventQuery, Range, What};
use crate::store::memory::MemoryStore;
use crate::store::{BundleStore as _, ClusterStore as _, JournalStore as _, Position};

const NOW: i64 = 1_800_000_000;

/// Blobs that are swept while the first so many publications are under way.
#[derive(Clone)]
struct Hasty {
    store: MemoryStore,
    conflicts: Arc<AtomicU64>,
}

impl BlobStore for Hasty {
    async fn put_many(&self, blobs: Vec<Vec<u8>>, now_unix_ms: i64) -> Result<Vec<BlobRef>, StoreError> {
        self.store.put_many(blobs, now_unix_ms).await
    }

    async fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(digest).await
    }

    async fn packed(&self, digest: &Digest) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        self.store.packed(digest).await
    }

    async fn has_many(&self, digests: &[Digest]) -> Result<Vec<bool>, StoreError> {
        self.store.has_many(digests).await
    }

    async fn renew_many(&self, digests: &[Digest], now_unix_ms: i64) -> Result<Vec<Digest>, StoreError> {
        self.store.renew_many(digests, now_unix_ms).await
    }

    async fn sweeps(&self) -> Result<u64, StoreError> {
        let left = self.conflicts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        Ok(self.store.sweeps().await? + u64::from(left.is_ok()))
    }

    async fn delete_unreferenced(
        &self,
        keep: &BTreeSet<Digest>,
        through: u64,
        before_unix_ms: i64,
    ) -> Result<Swept, StoreError> {
        self.store.delete_unreferenced(keep, through, before_unix_ms).await
    }
}

struct Rig {
    store: MemoryStore,
    publisher: Publisher<MemoryStore, Hasty>,
    _folder: tempfile::TempDir,
}

fn rig(conflicts: u64) -> Rig {
    let folder = tempfile::tempdir().expect("a folder");
    let now = OffsetDateTime::from_unix_timestamp(NOW).expect("a time");
    let fleet = FleetId::parse("north").expect("a name");
    let keys = KeyFolder::new(&folder.path().join("keys"));
    keys.create(&fleet, &["hub.example:7443".to_owned()], now).expect("keys");
    let keys = keys.load().expect("keys");
    let (store, clock) = (MemoryStore::new(), WallClock::fixed(now));
    let blobs = Hasty { store: store.clone(), conflicts: Arc::new(AtomicU64::new(conflicts)) };
    let signer = Signer {
        store: store.clone(),
        key: watch::channel(Arc::new(keys.signing)).1,
        trust: watch::channel(keys.trust).1,
        switchboard: Switchboard::new().0,
        clock: clock.clone(),
        roots_kept: 3,
    };
    let git = Git::new(GitSettings::new(folder.path().join("git"))).expect("settings");
    let publisher = Publisher {
        fleet,
        hub: "hub".into(),
        store: store.clone(),
        blobs,
        signer,
        resolved: watch::channel(Arc::default()).1,
        wake: Arc::default(),
        clock,
        metrics: Metrics::default(),
        workshop: Some(Workshop::new(Arc::new(git), keys.sealer)),
        stored: Stored::default(),
    };
    Rig { store, publisher, _folder: folder }
}

impl Rig {
    /// A cluster that joined.
    async fn joined(&self) -> ClusterRecord {
        let id = ClusterId::parse("c1").expect("an id");
        let (labels, variables) = Default::default();
        let name = ClusterName::parse("edge").expect("a name");
        let cluster = NewCluster { id: id.clone(), name, labels, variables, created_unix_ms: 0 };
        self.store.register(cluster, None).await.expect("registers");
        let certificate =
            Certificate { serial: "01".into(), key: Digest::of(b"key"), issued_unix_ms: 0, expires_unix_ms: i64::MAX };
        let join = Join { token: None, cluster: id, certificate, sealing_key: vec![1; 32], now_unix_ms: 0 };
        self.store.join(join).await.expect("joins");
        self.record().await
    }

    async fn record(&self) -> ClusterRecord {
        self.store.cluster(&ClusterId::parse("c1").expect("an id")).await.expect("reads").expect("is there")
    }

    async fn publish(&mut self, diagnostics: Vec<Diagnostic>) -> Looked {
        let record = self.record().await;
        let plan = ClusterPlan {
            cluster: record.id.clone(),
            name: record.name.clone(),
            labels: BTreeMap::new(),
            variables: BTreeMap::new(),
            groups: BTreeSet::new(),
            applications: BTreeMap::new(),
            diagnostics,
        };
        self.publisher.publish_one(&record, plan, &Arc::default()).await.expect("looks")
    }

    async fn warnings(&self) -> usize {
        let query = EventQuery { cluster: None, range: Range::After(Position::default()), limit: 100 };
        let events = self.store.events(&query).await.expect("reads");
        events.iter().filter(|event| matches!(event.what, What::Hub(HubEvent::Warned { .. }))).count()
    }

    async fn newest(&self) -> Option<BundleRoot> {
        let newest = self.store.newest(&ClusterId::parse("c1").expect("an id")).await.expect("reads");
        newest.map(|root| serde_json::from_slice(&root.payload).expect("a root"))
    }
}

#[tokio::test]
async fn warnings_are_told_once_however_often_a_publication_is_made_again() {
    let mut rig = rig(2);
    rig.joined().await;
    let warning = || vec![Diagnostic::warning(Code(330), "somebody should look")];
    for _ in 0..2 {
        assert!(matches!(rig.publish(warning()).await, Looked::Open(_)), "somebody was faster");
        assert_eq!((rig.newest().await, rig.warnings().await), (None, 0));
    }
    assert!(matches!(rig.publish(warning()).await, Looked::Settled(_)));
    assert!(matches!(rig.publish(warning()).await, Looked::Settled(_)), "it says nothing new");
    assert_eq!(rig.warnings().await, 1);
}

#[tokio::test]
async fn what_is_asked_of_a_cluster_reaches_it_although_its_state_cannot_be_made() {
    let mut rig = rig(0);
    let edge = rig.joined().await.id;
    let broken = || vec![Diagnostic::error(Code(300), "no such label")];
    assert!(matches!(rig.publish(broken()).await, Looked::Open(_)));
    assert_eq!(rig.newest().await, None, "nothing was ever good");
    rig.publish(Vec::new()).await;
    let good = rig.newest().await.expect("a bundle");

    assert!(matches!(rig.publish(broken()).await, Looked::Open(found) if found.len() == 1));
    assert_eq!(rig.newest().await.as_ref(), Some(&good), "nothing is asked");
    rig.store.request_sync(&edge).await.expect("counts");
    let list = Digest::of(b"held");
    rig.store.confirm_prune(&edge, list).await.expect("stores");
    assert!(matches!(rig.publish(broken()).await, Looked::Open(found) if found.len() == 1), "it is told still");
    let asked = rig.newest().await.expect("a bundle");
    assert_eq!((asked.sync_requests, asked.confirmations.as_slice()), (1, [list].as_slice()));
    assert_eq!((&asked.applications, asked.generation.0), (&good.applications, good.generation.0 + 1));
}

#[tokio::test]
async fn before_git_was_read_what_is_asked_travels_and_nothing_else_is_signed() {
    let mut rig = rig(0);
    let edge = rig.joined().await.id;
    let mut memory = Memory::default();
    rig.publisher.publish_all(&mut memory).await.expect("looks");
    assert_eq!(rig.newest().await, None, "nothing was ever good");
    rig.publish(Vec::new()).await;
    let good = rig.newest().await.expect("a bundle");
    rig.publisher.publish_all(&mut memory).await.expect("looks");
    assert_eq!(rig.newest().await.as_ref(), Some(&good), "nothing is asked");
    rig.store.request_sync(&edge).await.expect("counts");
    rig.publisher.publish_all(&mut memory).await.expect("looks");
    let asked = rig.newest().await.expect("a bundle");
    assert_eq!((asked.sync_requests, asked.generation.0), (1, good.generation.0 + 1));
}
