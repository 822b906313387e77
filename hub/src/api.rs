//! The status API over HTTPS: what operators, the CLI and the UI read and ask for.
//!
//! ```text
//! TLS listener (serve) ─▶ limits ─▶ routes (one table) ─▶ auth ─▶ reads   ◀── Snapshot ◀── HubStore
//!                                                             ├─▶ watch   ◀── positions
//!                                                             ├─▶ writes  ──▶ HubControl, audit trail
//!                                                             └─▶ webhook ──▶ poke
//! ```
//! Reads answer from a snapshot in memory that one task keeps up with the store, so ten thousand
//! clusters cost no query; each answer first waits until the snapshot is as new as the store was when
//! the request came, so that who wrote reads what was written.
//!
//! The table in [`routes`] is the only list of operations: the router, the check of roles and the
//! OpenAPI document are made from it.

use std::sync::Arc;

use skerry_common::id::{CommitId, FleetId};
use skerry_common::redact::Redacted;
use skerry_common::status::ContactBounds;
use skerry_hub_core::fleet::Fleet;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::metrics::Metrics;
use crate::store::{BlobStore, HubStore};

mod auth;
pub mod control;
mod detail;
pub mod error;
mod limits;
mod lists;
pub mod openapi;
mod revisions;
pub mod routes;
pub mod serve;
pub mod snapshot;
mod stream;
#[cfg(test)]
mod tests;
mod webhook;
mod why;
mod writes;

pub use control::HubControl;
pub use serve::serve;
pub use webhook::Poke;

/// What the API needs to know.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The fleet.
    pub fleet: FleetId,
    /// When a silent cluster is late and offline.
    pub bounds: ContactBounds,
    /// The secret that Git servers sign or send; without one, webhooks are refused.
    pub webhook_secret: Option<Redacted<String>>,
}

/// What is declared and in force, kept by whoever reads the fleet repository.
#[derive(Debug, Clone, Default)]
pub struct FleetInForce {
    /// Of which commit; `None` before the first.
    pub commit: Option<CommitId>,
    /// The documents.
    pub fleet: Fleet,
}

/// Everything that handlers share; a handle.
pub struct Api<S, C> {
    inner: Arc<Inner<S, C>>,
}

struct Inner<S, C> {
    store: S,
    control: C,
    settings: ApiSettings,
    snapshot: watch::Receiver<Arc<snapshot::Snapshot>>,
    poke: mpsc::Sender<Poke>,
    metrics: Metrics,
    clock: fn() -> i64,
    requests: Arc<Semaphore>,
    watchers: Arc<Semaphore>,
    revisions: revisions::Known,
}

/// What an [`Api`] is made of.
pub struct Parts<S, C> {
    /// Facts and blobs.
    pub store: S,
    /// Whoever mints things.
    pub control: C,
    /// Settings.
    pub settings: ApiSettings,
    /// The snapshot that [`snapshot::Keeper::run`] keeps.
    pub snapshot: watch::Receiver<Arc<snapshot::Snapshot>>,
    /// Whom webhooks wake.
    pub poke: mpsc::Sender<Poke>,
    /// Numbers.
    pub metrics: Metrics,
    /// Unix milliseconds.
    pub clock: fn() -> i64,
}

impl<S, C> Clone for Api<S, C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S, C> Api<S, C> {
    /// Puts the parts together.
    pub fn new(parts: Parts<S, C>) -> Self {
        let Parts { store, control, settings, snapshot, poke, metrics, clock } = parts;
        let requests = Arc::new(Semaphore::new(limits::REQUESTS_MAX));
        let watchers = Arc::new(Semaphore::new(limits::WATCHERS_MAX));
        let revisions = revisions::Known::default();
        let inner = Inner { store, control, settings, snapshot, poke, metrics, clock, requests, watchers, revisions };
        Self { inner: Arc::new(inner) }
    }
}

/// The hub's clock: Unix milliseconds.
pub fn system_clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What the handlers are generic over: both stores, and their twins.
pub trait ApiStore: HubStore + BlobStore {}
impl<S: HubStore + BlobStore> ApiStore for S {}
