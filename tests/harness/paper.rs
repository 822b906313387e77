//! A fleet on paper: clusters that have joined and whose agents never run, and a publisher without a hub around it.
//!
//! Each look of the publisher is made by hand, so that what it costs can be counted: what it reads of Git, what it
//! renders, what it publishes.

mod counted;

use std::collections::BTreeMap;
use std::sync::Arc;

use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::root::SourceRevision;
use skerry_common::diagnostic::Location;
use skerry_common::id::{ClusterId, ClusterName, CommitId, FleetId, SourceName};
use skerry_hub::api::FleetInForce;
use skerry_hub::git::{Git, GitCounts, GitSettings, Remote};
use skerry_hub::hub::system_clock;
use skerry_hub::keys::KeyFolder;
use skerry_hub::metrics::{DRAFTS, Metrics};
use skerry_hub::quic::switchboard::Switchboard;
use skerry_hub::signer::Signer;
use skerry_hub::store::clusters::{Certificate, Join, NewCluster};
use skerry_hub::store::{BlobStore, HubStore};
use skerry_hub::tasks::poll_git::Resolved;
use skerry_hub::tasks::publish::{Memory, Publisher, Stored};
use skerry_hub::workshop::{SourceAt, Workshop};
use skerry_hub_core::fleet::load;
use skerry_render::MemoCounts;
use tokio::sync::watch;

use self::counted::Counted;
use crate::git::{BareRepository, WorkTree};

/// All run `shared`, and each its own overlay.
const FLEET: &str = r#"
apiVersion: skerry.dev/v1alpha1
kind: Source
metadata: {name: shop}
spec: {git: {url: "@URL@", ref: {branch: main}}}
---
apiVersion: skerry.dev/v1alpha1
kind: Application
metadata: {name: shared}
spec: {sources: [{from: shop, path: shared}], namespace: shared}
---
apiVersion: skerry.dev/v1alpha1
kind: Application
metadata: {name: own}
spec: {sources: [{from: shop, path: "overlays/${cluster.name}"}], namespace: own}
---
apiVersion: skerry.dev/v1alpha1
kind: ClusterGroup
metadata: {name: all}
spec: {selector: {}, applications: [shared, own]}
"#;

/// Clusters on paper, their repository, and who publishes to them.
pub struct PaperFleet<S: HubStore + BlobStore> {
    /// The person who pushes.
    pub work: WorkTree,
    /// Facts and content.
    pub store: S,
    /// The task.
    pub publisher: Publisher<S, Counted<S>>,
    repository: BareRepository,
    git: Arc<Git>,
    memory: Memory,
    resolved: watch::Sender<Arc<Resolved>>,
    _folder: tempfile::TempDir,
}

/// What was done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// What was read.
    pub git: GitCounts,
    /// What was rendered.
    pub rendered: MemoCounts,
    /// Bundles made for comparison.
    pub drafts: u64,
    /// Blobs put into the store.
    pub blobs_put: u64,
    /// Blobs read from it.
    pub blobs_read: u64,
}

impl Done {
    /// What was done since.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            git: GitCounts {
                commits_opened: self.git.commits_opened - before.git.commits_opened,
                folders_read: self.git.folders_read - before.git.folders_read,
                files_read: self.git.files_read - before.git.files_read,
                bytes_read: self.git.bytes_read - before.git.bytes_read,
            },
            rendered: MemoCounts {
                results_reused: self.rendered.results_reused - before.rendered.results_reused,
                builds_reused: self.rendered.builds_reused - before.rendered.builds_reused,
                builds_made: self.rendered.builds_made - before.rendered.builds_made,
            },
            drafts: self.drafts - before.drafts,
            blobs_put: self.blobs_put - before.blobs_put,
            blobs_read: self.blobs_read - before.blobs_read,
        }
    }
}

/// Name of a cluster.
pub fn cluster_name(number: usize) -> String {
    format!("o{number}")
}

impl<S: HubStore + BlobStore> PaperFleet<S> {
    /// So many clusters that joined, and an empty repository.
    pub async fn of(clusters: usize, store: S) -> Self {
        let (folder, clock) = (tempfile::tempdir().expect("a folder"), system_clock());
        let fleet = FleetId::parse("paper").expect("a name");
        let keys = KeyFolder::new(&folder.path().join("keys"));
        keys.create(&fleet, &["hub.example:7443".to_owned()], clock.now()).expect("keys");
        let keys = keys.load().expect("keys");
        let repository = BareRepository::create("shop");
        let settings = GitSettings::new(folder.path().join("git"));
        let allowed_file_roots = vec![repository.root().to_owned()];
        let git = Arc::new(Git::new(GitSettings { allowed_file_roots, ..settings }).expect("settings"));
        let signer = Signer {
            store: store.clone(),
            key: watch::channel(Arc::new(keys.signing)).1,
            trust: watch::channel(keys.trust).1,
            switchboard: Switchboard::new().0,
            clock: clock.clone(),
            roots_kept: 10,
        };
        let resolved = watch::Sender::new(Arc::default());
        let publisher = Publisher {
            fleet,
            hub: "hub".into(),
            store: store.clone(),
            blobs: Counted::new(store.clone()),
            signer,
            resolved: resolved.subscribe(),
            wake: Arc::default(),
            clock,
            metrics: Metrics::default(),
            workshop: Some(Workshop::new(git.clone(), keys.sealer)),
            stored: Stored::default(),
        };
        let work = repository.work_tree();
        work.write("fleet/fleet.yaml", FLEET.replace("@URL@", &repository.file_url()));
        for number in 0..clusters {
            join(&store, number).await;
        }
        let (memory, _folder) = (Memory::default(), folder);
        Self { work, store, publisher, repository, git, memory, resolved, _folder }
    }

    /// Pushes everything, and takes up the commit as the poller does; nothing is published yet.
    pub fn push(&self) -> CommitId {
        let commit = CommitId::parse(&self.work.commit_and_push("next")).expect("a commit");
        let url = self.repository.file_url();
        let remote = Remote { url: &url, credential: None };
        let tree = self.git.tree(remote, &commit).expect("readable");
        let fleet = load(&tree, "fleet", &Location::default()).expect("a fleet");
        let name = SourceName::parse("shop").expect("a name");
        let revision = SourceRevision {
            name: name.clone(),
            url: url.clone(),
            reference: "branch main".into(),
            commit: commit.clone(),
            verified: "none".into(),
        };
        self.resolved.send_replace(Arc::new(Resolved {
            fleet: Some(Arc::new(FleetInForce { commit: Some(commit.clone()), fleet })),
            sources: BTreeMap::from([(name, SourceAt { url, credential: None, revision })]),
            ..Resolved::default()
        }));
        commit
    }

    /// Looks at all clusters once, and publishes what is news.
    pub async fn publish(&mut self) {
        self.publisher.publish_all(&mut self.memory).await.expect("publishes");
    }

    /// What was done so far.
    pub fn done(&self) -> Done {
        let text = self.publisher.metrics.render();
        let drafts = text.lines().find_map(|line| line.strip_prefix(DRAFTS.name)?.trim().parse().ok());
        Done {
            git: self.git.counts(),
            rendered: self.publisher.workshop.as_ref().expect("nobody has it").counts(),
            drafts: drafts.unwrap_or_default(),
            blobs_put: self.publisher.blobs.put(),
            blobs_read: self.publisher.blobs.read(),
        }
    }
}

async fn join<S: HubStore>(store: &S, number: usize) {
    let id = ClusterId::parse(&format!("c{number:05}")).expect("an id");
    let name = ClusterName::parse(&cluster_name(number)).expect("a name");
    let (labels, variables) = Default::default();
    let cluster = NewCluster { id: id.clone(), name, labels, variables, created_unix_ms: 0 };
    store.register(cluster, None).await.expect("registers");
    let certificate = Certificate {
        serial: format!("{number:x}"),
        key: Digest::of(id.as_str().as_bytes()),
        issued_unix_ms: 0,
        expires_unix_ms: i64::MAX,
    };
    let join = Join { token: None, cluster: id, certificate, sealing_key: vec![1; 32], now_unix_ms: 0 };
    store.join(join).await.expect("joins");
}
