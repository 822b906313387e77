//! The store's twin in memory: the same answers, no disk, and it can be told to fail.
//!
//! It keeps state, so tests check what is stored and not which calls were made. One mutex guards all
//! of it: a call holds it for one short, synchronous step and never across an await, which is what
//! makes each call one transaction.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::id::{ApplicationName, ClusterId, Incarnation, Place, Sequence, SourceName};
use tokio::sync::watch;

use super::access::{ApiToken, AuditEntry};
use super::bundles::StoredRoot;
use super::clusters::{Certificate, CertificateStanding, ClusterRecord, JoinToken};
use super::journal::{DriftRecord, EventRecord};
use super::sources::{FleetRecord, ProblemRecord, RevisionRecord, SourceRecord, Subject};
use super::states::{ApplicationState, ClusterState};
use super::{HubStore, Position, StoreError};

mod access;
mod blobs;
mod bundles;
mod clusters;
mod journal;
mod sources;
mod states;

/// The twin; a handle, all clones share one state.
#[derive(Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    head: watch::Sender<Position>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { state: Arc::default(), head: watch::Sender::new(Position(0)) }
    }
}

/// A drift's key: no field of one version of one object is listed twice.
type DriftKey = (ClusterId, String, String, String);

#[derive(Default)]
struct State {
    failures: u32,
    position: Position,
    clusters: BTreeMap<ClusterId, Cluster>,
    tokens: BTreeMap<Digest, JoinToken>,
    certificates: BTreeMap<String, (ClusterId, Certificate, CertificateStanding)>,
    roots: BTreeMap<(ClusterId, Place), StoredRoot>,
    roots_reserved: u64,
    blobs: BTreeMap<Digest, (Vec<u8>, i64)>,
    blobs_swept: u64,
    sealed: BTreeMap<Digest, BlobRef>,
    sources: BTreeMap<SourceName, SourceRecord>,
    revisions: BTreeMap<(SourceName, String), RevisionRecord>,
    problems: BTreeMap<Subject, ProblemRecord>,
    fleet: Option<FleetRecord>,
    states: BTreeMap<ClusterId, ClusterState>,
    applications: BTreeMap<(ApplicationName, ClusterId), ApplicationState>,
    marks: BTreeMap<(ClusterId, Incarnation), Sequence>,
    events: BTreeMap<Position, EventRecord>,
    /// How many of them are whose.
    events_of: BTreeMap<Option<ClusterId>, usize>,
    dropped: BTreeMap<(Option<ClusterId>, &'static str), u64>,
    dropped_through: Position,
    drifts: BTreeMap<DriftKey, DriftRecord>,
    api_tokens: BTreeMap<String, ApiToken>,
    audit: BTreeMap<Position, AuditEntry>,
}

/// A cluster and what is not shown of it.
struct Cluster {
    record: ClusterRecord,
    /// Confirmed prune lists, oldest first.
    confirmed: Vec<Digest>,
    silence: Option<skerry_common::status::Contact>,
}

impl State {
    fn next(&mut self) -> Position {
        self.position.0 += 1;
        self.position
    }

    /// Gives a cluster a new position.
    fn changed(&mut self, id: &ClusterId) {
        let position = self.next();
        if let Some(cluster) = self.clusters.get_mut(id) {
            cluster.record.position = position;
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next calls fail with [`StoreError::Injected`], having changed nothing.
    pub fn fail_next(&self, calls: u32) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).failures = calls;
    }

    /// Damages the bytes of every root.
    #[cfg(test)]
    pub(crate) fn damage_roots(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.roots.values_mut().for_each(|root| root.payload.clear());
    }

    /// Runs one transaction.
    fn with<T>(&self, step: impl FnOnce(&mut State) -> T) -> Result<T, StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failures > 0 {
            state.failures -= 1;
            return Err(StoreError::Injected);
        }
        let answer = step(&mut state);
        let position = state.position;
        drop(state);
        self.head.send_if_modified(|head| {
            let newer = position > *head;
            *head = (*head).max(position);
            newer
        });
        Ok(answer)
    }
}

impl HubStore for MemoryStore {
    fn head(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    async fn backup(&self, file: &Path) -> Result<(), StoreError> {
        let source = std::io::Error::new(std::io::ErrorKind::Unsupported, "a store in memory has nothing to copy");
        Err(StoreError::BackupFile { path: file.display().to_string(), source })
    }
}

/// A page's size.
fn page(limit: usize) -> usize {
    limit.min(super::PAGE_ROWS_MAX)
}
