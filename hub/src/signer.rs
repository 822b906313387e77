//! Reserves a place, signs, publishes: no other bytes are ever signed under a number.

use std::sync::Arc;

use skerry_certs::root_key::{SigningKey, SigningKeyError};
use skerry_certs::tls::WallClock;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::root::{BUNDLE_TYPE, RootError};
use skerry_common::id::{ClusterId, Generation, Place};
use skerry_common::report::BundleMark;
use skerry_hub_core::publish::{Draft, LIFE_SECONDS_DEFAULT, LifetimeError, Stamp, rfc3339};
use thiserror::Error;
use tokio::sync::watch;
use tracing::info;

use crate::quic::switchboard::Switchboard;
use crate::quic::unix_ms;
use crate::store::bundles::{Reservation, Reserve, StoredRoot};
use crate::store::journal::HubEvent;
use crate::store::{HubStore, StoreError};
use crate::trust::TrustLine;

/// A bundle was not published.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The store.
    #[error("the bundle cannot be stored")]
    Store(#[from] StoreError),
    /// The key.
    #[error("the bundle cannot be signed")]
    Sign(#[source] SigningKeyError),
    /// The root.
    #[error("the bundle root is not valid")]
    Root(#[source] RootError),
    /// The clock.
    #[error("the time cannot be written")]
    Time(#[source] LifetimeError),
    /// Somebody else published meanwhile, blobs were swept, or the epoch was raised: make it again.
    #[error("another bundle was published for the cluster meanwhile, blobs were swept, or the epoch was raised")]
    Conflict,
}

/// Signs and publishes; cheap to clone.
#[derive(Clone)]
pub struct Signer<S: HubStore> {
    /// Facts.
    pub store: S,
    /// The key in use; a new one comes after the trust root that lists it.
    pub key: watch::Receiver<Arc<SigningKey>>,
    /// The trust root in force.
    pub trust: watch::Receiver<TrustLine>,
    /// Who is told.
    pub switchboard: Switchboard,
    /// The time.
    pub clock: WallClock,
    /// How many roots of each cluster are kept.
    pub roots_kept: u32,
}

impl<S: HubStore> Signer<S> {
    /// Publishes a draft as the next generation. All its content must be stored, and was begun to be when so many
    /// `sweeps` had been made.
    pub async fn publish(&self, draft: Draft, highest: Option<Place>, sweeps: u64) -> Result<BundleMark, PublishError> {
        let cluster = draft.cluster().clone();
        let newest = self.store.newest(&cluster).await?;
        let reserved = self.store.newest_reserved(&cluster).await?.map(|root| root.place);
        let epoch = self.trust.borrow().newest().root().epoch;
        if draft.epoch() != epoch {
            return Err(PublishError::Conflict);
        }
        let floor = [reserved, highest].into_iter().flatten().filter(|place| place.epoch == epoch).max();
        let generation = Generation(floor.map_or(0, |place| place.generation.0).saturating_add(1));
        let parent = newest.as_ref().map(|root| root.digest);
        let now = self.clock.now().unix_timestamp();
        let stamp = Stamp {
            generation,
            parent,
            issued: rfc3339(now).map_err(PublishError::Time)?,
            expires: rfc3339(now.saturating_add(LIFE_SECONDS_DEFAULT)).map_err(PublishError::Time)?,
        };
        let root = draft.stamp(stamp);
        let payload = root.to_bytes().map_err(PublishError::Root)?;
        let mark = BundleMark { place: root.place(), root: Digest::of(&payload) };
        let reservation = Reservation {
            cluster: cluster.clone(),
            parent,
            place: mark.place,
            payload: payload.clone(),
            now_unix_ms: unix_ms(&self.clock),
            sweeps,
            roots_kept: self.roots_kept,
        };
        match self.store.reserve(reservation).await? {
            Reserve::Reserved => {}
            Reserve::Conflict { .. } => return Err(PublishError::Conflict),
        }
        self.sign(&cluster, mark, payload).await
    }

    /// Signs what was reserved before a crash, with the same bytes.
    pub async fn finish_reservations(&self) -> Result<(), PublishError> {
        for StoredRoot { cluster, place, digest, payload, .. } in self.store.unsigned().await? {
            self.sign(&cluster, BundleMark { place, root: digest }, payload).await?;
        }
        Ok(())
    }

    async fn sign(&self, cluster: &ClusterId, mark: BundleMark, payload: Vec<u8>) -> Result<BundleMark, PublishError> {
        let key = self.key.borrow().clone();
        let envelope = key.sign_envelope(BUNDLE_TYPE, payload).map_err(PublishError::Sign)?;
        let now = unix_ms(&self.clock);
        for signature in envelope.signatures {
            self.store.attach_signature(cluster, mark, signature, now).await?;
        }
        let event = HubEvent::Published { place: mark.place, root: mark.root };
        self.store.record(Some(cluster), event, now).await?;
        info!(%cluster, generation = %mark.place, "a bundle was published");
        self.switchboard.publish(cluster.clone(), mark).await;
        Ok(mark)
    }
}
