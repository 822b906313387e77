//! What the API asks of the hub: register, revoke, confirm, sync, admit by file, export.

use std::collections::BTreeMap;
use std::sync::Arc;

use skerry_certs::tls::WallClock;
use skerry_common::bundle::archive::Archive;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::Manifest;
use skerry_common::bundle::root::BundleRoot;
use skerry_common::diagnostic::{Code, Diagnostic};
use skerry_common::error_chain::Chain;
use skerry_common::id::{ClusterId, ClusterName};
use skerry_common::join::offline::{JoinReplyFile, JoinRequestFile};
use skerry_common::join::{JoinToken, TokenSecret};
use skerry_hub_core::enroll::TOKEN_LIFE_SECONDS_DEFAULT;
use skerry_hub_core::view::{JoinCommand, RegisterRequest, Timestamp};
use tokio::sync::{Notify, mpsc, watch};

use crate::api::control::{ControlError, EXPORT_QUEUE, Export};
use crate::api::{HubControl, Poke};
use crate::explainer::{ExplainRequest, Explainer, Explanation};
use crate::quic::enroll::Enroller;
use crate::quic::switchboard::Switchboard;
use crate::quic::unix_ms;
use crate::store::clusters::{JoinToken as StoredToken, NewCluster, Registration, Standing};
use crate::store::journal::HubEvent;
use crate::store::{BlobStore, HubStore};
use crate::trust::TrustLine;

/// Bytes of an archive in one piece.
const PIECE_BYTES: usize = 64 * 1024;

/// The control of a running hub; a handle.
#[derive(Clone)]
pub struct Control<S: HubStore, B: BlobStore> {
    /// Facts.
    pub store: S,
    /// Content.
    pub blobs: B,
    /// Admits clusters.
    pub enroller: Enroller<S>,
    /// The trust root in force.
    pub trust: watch::Receiver<TrustLine>,
    /// Ends sessions.
    pub switchboard: Switchboard,
    /// Explains what was rendered.
    pub explainer: Explainer,
    /// Wakes the publisher.
    pub wake: Arc<Notify>,
    /// Makes the poller look at Git.
    pub poke: mpsc::Sender<Poke>,
    /// The time.
    pub clock: WallClock,
}

fn random<const N: usize>() -> Result<[u8; N], ControlError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ControlError::Internal("no randomness".into()))?;
    Ok(bytes)
}

impl<S: HubStore, B: BlobStore> Control<S, B> {
    async fn record(&self, cluster: &ClusterId, event: HubEvent) -> Result<(), ControlError> {
        Ok(self.store.record(Some(cluster), event, unix_ms(&self.clock)).await.map(|_| ())?)
    }

    async fn cluster(&self, name: &ClusterName) -> Result<crate::store::clusters::ClusterRecord, ControlError> {
        self.store.cluster_by_name(name).await?.ok_or_else(|| ControlError::UnknownCluster(name.clone()))
    }

    fn new_cluster(&self, name: &ClusterName, labels: BTreeMap<String, String>) -> Result<NewCluster, ControlError> {
        let id = format!("c{}", skerry_common::bundle::digest::hex(&random::<8>()?));
        let id = ClusterId::parse(&id).map_err(|error| ControlError::Internal(error.to_string()))?;
        let created_unix_ms = unix_ms(&self.clock);
        Ok(NewCluster { id, name: name.clone(), labels, variables: BTreeMap::new(), created_unix_ms })
    }

    fn token(&self, cluster: &ClusterId, life_seconds: i64) -> Result<(StoredToken, TokenSecret), ControlError> {
        let secret = TokenSecret::from_random(random()?);
        let created_unix_ms = unix_ms(&self.clock);
        let expires_unix_ms = created_unix_ms.saturating_add(life_seconds.max(1).saturating_mul(1000));
        let (hash, cluster) = (secret.digest(), cluster.clone());
        Ok((StoredToken { hash, cluster, created_unix_ms, expires_unix_ms, used_by: None }, secret))
    }

    fn command(&self, id: ClusterId, name: ClusterName, token: &StoredToken, secret: TokenSecret) -> JoinCommand {
        let line = self.trust.borrow();
        let trust = line.newest();
        let join = JoinToken {
            fleet: trust.root().fleet.clone(),
            trust_root: trust.digest(),
            authority: self.enroller.authority.fingerprint(),
            secret,
            hubs: trust.root().hubs.clone(),
        };
        let command = format!("skerry-agent join --token {}", join.expose());
        JoinCommand { id, name, command, expires_at: Timestamp(token.expires_unix_ms) }
    }
}

impl<S: HubStore, B: BlobStore> HubControl for Control<S, B> {
    async fn register(&self, request: RegisterRequest) -> Result<JoinCommand, ControlError> {
        let cluster = self.new_cluster(&request.name, request.labels)?;
        let life = request.token_life_seconds.map_or(TOKEN_LIFE_SECONDS_DEFAULT, i64::from);
        let (token, secret) = self.token(&cluster.id, life)?;
        let id = cluster.id.clone();
        match self.store.register(cluster, Some(token.clone())).await? {
            Registration::Registered => {}
            Registration::NameTaken(_) => {
                let name = &request.name;
                return Err(ControlError::Conflict(format!(
                    "cluster `{name}` is registered already: `skerry cluster rejoin {name}` makes a new join command"
                )));
            }
        }
        self.record(&id, HubEvent::Registered).await?;
        Ok(self.command(id, request.name, &token, secret))
    }

    async fn rejoin(&self, name: &ClusterName) -> Result<JoinCommand, ControlError> {
        let cluster = self.cluster(name).await?;
        let (token, secret) = self.token(&cluster.id, TOKEN_LIFE_SECONDS_DEFAULT)?;
        if !self.store.add_token(token.clone()).await? {
            return Err(ControlError::UnknownCluster(name.clone()));
        }
        self.record(&cluster.id, HubEvent::Rejoin).await?;
        Ok(self.command(cluster.id, name.clone(), &token, secret))
    }

    async fn revoke(&self, name: &ClusterName) -> Result<(), ControlError> {
        let cluster = self.cluster(name).await?;
        if self.store.revoke(&cluster.id).await? {
            self.record(&cluster.id, HubEvent::Revoked).await?;
        }
        self.switchboard.end(cluster.id, "this cluster was revoked").await;
        Ok(())
    }

    async fn confirm_prune(&self, name: &ClusterName, list: Option<Digest>) -> Result<Vec<Digest>, ControlError> {
        let cluster = self.cluster(name).await?;
        let held = self.store.state(&cluster.id).await?.map(|state| state.held_prunes).unwrap_or_default();
        let lists = match list {
            Some(list) => vec![list],
            None => held.iter().map(|held| held.list).collect(),
        };
        for list in &lists {
            self.store.confirm_prune(&cluster.id, *list).await?;
            self.record(&cluster.id, HubEvent::PruneConfirmed { list: *list }).await?;
        }
        self.wake.notify_one();
        Ok(lists)
    }

    async fn sync(&self, name: &ClusterName) -> Result<u64, ControlError> {
        let cluster = self.cluster(name).await?;
        let count = self.store.request_sync(&cluster.id).await?;
        self.record(&cluster.id, HubEvent::SyncRequested).await?;
        self.wake.notify_one();
        // The poller reads at once what waits here; it is gone only when the hub stops.
        let _ = self.poke.send(Poke::default()).await;
        count.ok_or_else(|| ControlError::UnknownCluster(name.clone()))
    }

    async fn enroll_offline(
        &self,
        name: &ClusterName,
        labels: BTreeMap<String, String>,
        request: String,
    ) -> Result<String, ControlError> {
        let refused = |code: Code, what: String| ControlError::Refused(Diagnostic::error(code, what));
        let request = JoinRequestFile::parse(request.as_bytes());
        let request = request.map_err(|error| refused(Code(354), error.to_string()))?;
        if self.store.cluster_by_name(name).await?.is_none() {
            let cluster = self.new_cluster(name, labels)?;
            let id = cluster.id.clone();
            self.store.register(cluster, None).await?;
            self.record(&id, HubEvent::Registered).await?;
        }
        let grant = self.enroller.join_offline(name, &request.csr, request.sealing_key).await;
        let grant = grant.map_err(|error| match error.code() {
            Some(code) => refused(code, Chain(&error).to_string()),
            None => ControlError::Internal(Chain(&error).to_string()),
        })?;
        self.wake.notify_one();
        let reply = JoinReplyFile::new(grant).to_bytes().map_err(|error| ControlError::Internal(error.to_string()))?;
        String::from_utf8(reply).map_err(|error| ControlError::Internal(error.to_string()))
    }

    async fn explain(&self, request: ExplainRequest) -> Result<Explanation, ControlError> {
        self.explainer.explain(request).await
    }

    async fn export(&self, name: &ClusterName) -> Result<Export, ControlError> {
        let bytes = self.archive(name).await?.to_bytes();
        let bytes = bytes.map_err(|error| ControlError::Internal(Chain(&error).to_string()))?;
        let (pieces, receiver) = mpsc::channel(EXPORT_QUEUE);
        tokio::spawn(async move {
            for piece in bytes.chunks(PIECE_BYTES) {
                if pieces.send(Ok(piece.to_vec())).await.is_err() {
                    return; // the client is gone
                }
            }
        });
        Ok(Export { pieces: receiver })
    }
}

impl<S: HubStore, B: BlobStore> Control<S, B> {
    /// The newest bundle of a cluster, complete.
    pub async fn archive(&self, name: &ClusterName) -> Result<Archive, ControlError> {
        let cluster = self.cluster(name).await?;
        if cluster.standing == Standing::Revoked {
            return Err(ControlError::Conflict(format!("cluster `{name}` is revoked")));
        }
        let nothing = || ControlError::Busy(format!("nothing was published for cluster `{name}` yet"));
        let stored = self.store.newest(&cluster.id).await?.ok_or_else(nothing)?;
        let envelope = stored.envelope().ok_or_else(nothing)?;
        let damaged = |what: String| ControlError::Internal(format!("the stored bundle is damaged: {what}"));
        let root: BundleRoot = serde_json::from_slice(&stored.payload).map_err(|error| damaged(error.to_string()))?;
        let mut blobs = BTreeMap::new();
        for application in &root.applications {
            let bytes = self.blob(&application.manifest.digest, &mut blobs).await?;
            let manifest = Manifest::parse(&bytes).map_err(|error| damaged(error.to_string()))?;
            for entry in &manifest.objects {
                self.blob(&entry.content.digest, &mut blobs).await?;
            }
        }
        if let Some(blob) = root.key_blob {
            self.blob(&blob.digest, &mut blobs).await?;
        }
        Ok(Archive { trust_root: self.trust.borrow().newest().envelope().clone(), root: envelope, blobs })
    }

    async fn blob(&self, digest: &Digest, into: &mut BTreeMap<Digest, Vec<u8>>) -> Result<Vec<u8>, ControlError> {
        let missing = || ControlError::Internal(format!("blob {digest} is missing"));
        let bytes = self.blobs.get(digest).await?.ok_or_else(missing)?;
        into.insert(*digest, bytes.clone());
        Ok(bytes)
    }
}
