//! The twin of the real API server: a Kubernetes API in memory.
//!
//! ```text
//! MemoryCluster ── requests ──▶ faults ──▶ write ──▶ state ──▶ history ──▶ watches
//! Person        ── as kubectl would ──────▶ │          ▲
//!                                     controllers ─────┘
//! ```
//! It keeps state and the real rules of `managedFields` for a fixed table of kinds and for what custom resource
//! definitions add; other kinds are refused as not served. The value is a handle: every clone sees the same cluster,
//! so that an agent which restarts finds what it left.
//!
//! What it is not: it stores one version of each object (a definition with several versions shows all of them the
//! same), runs no admission webhooks, and its controllers only make ready what they see – no pods appear.

mod check;
mod controllers;
mod defaults;
mod faults;
mod fieldset;
mod history;
mod kinds;
mod manage;
mod merge;
mod patch;
mod person;
mod read;
mod remove;
mod shape;
mod state;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::watch;

pub use faults::{Failure, Faults, Verb};
pub use history::MemoryEvents;
pub use person::Person;

use self::state::State;
use super::{
    ApiKind, Applied, Apply, ApplyMode, Cluster, ClusterError, Deleted, Detail, Discovery, Listing, Preconditions,
    Scope, ServerVersion, Target, Visitor,
};

/// Objects a page of a visit: few, so that small tests see several, each of which can fail.
const VISIT_PAGE: usize = 10;

/// Tells the twin what time it is.
pub type Now = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// A Kubernetes API in memory.
#[derive(Clone)]
pub struct MemoryCluster {
    shared: Arc<Shared>,
}

/// The lock is the twin of etcd's serialisation: every request is one transaction, and none waits while it holds it.
struct Shared {
    state: Mutex<State>,
    revision: watch::Sender<u64>,
    now: Now,
}

impl fmt::Debug for MemoryCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCluster").finish_non_exhaustive()
    }
}

impl MemoryCluster {
    /// An empty cluster: the four namespaces that every cluster has, and nothing else.
    ///
    /// `seed` decides the UIDs; two clusters of one process should differ in it.
    pub fn new(seed: u64, now: Now) -> Self {
        let state = State::new(seed, now());
        let revision = watch::Sender::new(state.revision());
        Self { shared: Arc::new(Shared { state: Mutex::new(state), revision, now }) }
    }

    /// Somebody else who works on this cluster, under this field manager.
    pub fn as_person(&self, manager: &str) -> Person {
        Person::new(self.clone(), manager)
    }

    /// Every object, by its address.
    pub fn snapshot(&self) -> BTreeMap<String, Value> {
        self.lock().snapshot()
    }

    /// How many requests of each verb were made, by whoever talks through [`Cluster`]; those about an agent's own
    /// lease are left out.
    pub fn requests(&self) -> BTreeMap<Verb, u64> {
        self.lock().faults.requests.clone()
    }

    /// How many bytes of JSON gets and lists were answered with.
    pub fn bytes_read(&self) -> u64 {
        self.lock().faults.bytes_read
    }

    /// How many of them were writes.
    pub fn writes(&self) -> u64 {
        self.requests().into_iter().filter(|(verb, _)| verb.is_write()).map(|(_, count)| count).sum()
    }

    /// Changes how requests fail.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.lock().faults);
        // Streams look again: those of an unreachable server end.
        self.shared.revision.send_modify(|_| ());
    }

    /// Keeps controllers from making this object ready, or lets them go on.
    pub fn stall(&self, kind: &str, namespace: &str, name: &str, stalled: bool) {
        self.transact(|state, now| state.stall((kind, namespace, name), stalled, now));
    }

    /// Forgets the history: every watch that is not up to date gets [`ClusterError::Expired`].
    pub fn compact(&self) {
        self.transact(|state, _| state.history.compact());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a test must not hide behind a poisoned lock: the state is changed only at the end of a write.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One transaction; watches hear of what it wrote.
    fn transact<T>(&self, act: impl FnOnce(&mut State, OffsetDateTime) -> T) -> T {
        let now = (self.shared.now)();
        let mut state = self.lock();
        let result = act(&mut state, now);
        let revision = state.revision();
        drop(state);
        self.shared.revision.send_if_modified(|seen| std::mem::replace(seen, revision) != revision);
        result
    }

    /// Counts a request, makes it as slow as it shall be, and fails it if it shall.
    async fn admit(&self, verb: Verb) -> Result<(), ClusterError> {
        let admitted = self.lock().faults.admit(verb);
        Self::settle(admitted).await
    }

    /// The same for a request about one object.
    async fn admit_to(&self, verb: Verb, target: &Target) -> Result<(), ClusterError> {
        let is_lease = target.kind.kind == "Lease" && target.kind.group == "coordination.k8s.io";
        let admitted = if is_lease { self.lock().faults.admit_lease() } else { self.lock().faults.admit(verb) };
        Self::settle(admitted).await
    }

    async fn settle((delay, outcome): (Option<Duration>, Result<(), ClusterError>)) -> Result<(), ClusterError> {
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        outcome
    }
}

impl Cluster for MemoryCluster {
    type Events = MemoryEvents;

    async fn version(&self) -> Result<ServerVersion, ClusterError> {
        self.admit(Verb::Discover).await?;
        Ok(ServerVersion { git_version: "v1.35.4".into(), platform: "linux/memory".into() })
    }

    async fn discover(&self) -> Result<Discovery, ClusterError> {
        self.admit(Verb::Discover).await?;
        Ok(self.lock().discovery())
    }

    async fn get(&self, target: &Target, detail: Detail) -> Result<Option<Value>, ClusterError> {
        self.admit_to(Verb::Get, target).await?;
        let mut state = self.lock();
        let object = state.get(target, detail)?;
        state.faults.count_answer(object.as_ref());
        Ok(object)
    }

    async fn list(
        &self,
        kind: &ApiKind,
        scope: &Scope,
        labels: Option<&str>,
        detail: Detail,
    ) -> Result<Listing, ClusterError> {
        self.admit(Verb::List).await?;
        let mut state = self.lock();
        let listing = state.list(kind, scope, labels, detail)?;
        state.faults.count_answer(&listing.items);
        Ok(listing)
    }

    async fn visit(
        &self,
        kind: &ApiKind,
        scope: &Scope,
        labels: Option<&str>,
        detail: Detail,
        each: &mut Visitor<'_>,
    ) -> Result<String, ClusterError> {
        let listing = self.list(kind, scope, labels, detail).await?;
        for (index, item) in listing.items.into_iter().enumerate() {
            if index > 0 && index.is_multiple_of(VISIT_PAGE) {
                self.admit(Verb::List).await?;
            }
            each(item).await;
        }
        Ok(listing.resource_version)
    }

    async fn apply(&self, target: &Target, object: &Value, how: Apply<'_>) -> Result<Applied, ClusterError> {
        self.admit_to(if how.mode == ApplyMode::DryRun { Verb::DryRun } else { Verb::Apply }, target).await?;
        self.transact(|state, now| state.apply(target, object, how, now))
    }

    async fn patch_json(&self, target: &Target, operations: &Value, manager: &str) -> Result<Value, ClusterError> {
        self.admit_to(Verb::Patch, target).await?;
        self.transact(|state, now| state.patch(target, operations, manager, now))
    }

    async fn delete(&self, target: &Target, only: &Preconditions) -> Result<Deleted, ClusterError> {
        self.admit_to(Verb::Delete, target).await?;
        self.transact(|state, now| state.delete(target, Some(only), now))
    }

    async fn watch(
        &self,
        kind: &ApiKind,
        scope: &Scope,
        labels: Option<&str>,
        detail: Detail,
        from: &str,
    ) -> Result<MemoryEvents, ClusterError> {
        self.admit(Verb::Watch).await?;
        MemoryEvents::start(self.clone(), history::Query::new(kind, scope, labels, detail)?, from)
    }

    async fn may(&self, verb: &str, kind: &ApiKind, namespace: Option<&str>) -> Result<bool, ClusterError> {
        self.admit(Verb::Discover).await?;
        Ok(self.lock().faults.allows(verb, kind, namespace))
    }
}
