//! One watch per kind and scope: list, follow, list again when the server forgot or the watch broke.
//!
//! Watches select objects with a fleet's label and read metadata where no health rule needs more, so
//! memory follows what is managed, not what else lives in the cluster. What they see goes to the
//! reconciler in order, one object at a time; when it is slow, they wait, and the API server keeps
//! what comes. Of a listing, no more than a page is ever held here.

mod listing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::Value;
use skerry_agent_core::health::needs_body;
use skerry_agent_core::marks::FLEET_LABEL;
use skerry_common::backoff::Backoff;
use skerry_common::error_chain::Chain;
use skerry_common::object::ObjectKey;
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use crate::cluster::{ApiKind, Cluster, ClusterError, Detail, Scope, WatchEvent};
use crate::ledger::Recalled;

/// The first pause after a failure.
const RETRY_FIRST: Duration = Duration::from_millis(200);

/// The longest pause after failures: an API server that comes back is noticed within half a minute.
const RETRY_LONGEST: Duration = Duration::from_secs(30);

/// What a watch saw.
#[derive(Debug)]
pub enum Seen {
    /// Everything of this kind and scope was told, as [`Seen::Changed`]; what is not named did not exist.
    Listed {
        /// Which watch.
        subject: Arc<Subject>,
        /// The objects.
        keys: BTreeSet<ObjectKey>,
        /// The resource version at which this was so.
        version: String,
    },
    /// An object is as the ledger remembers it.
    Unchanged {
        /// Which watch.
        subject: Arc<Subject>,
        /// Which object.
        key: ObjectKey,
    },
    /// An object exists, in this state.
    Changed {
        /// Which watch.
        subject: Arc<Subject>,
        /// The object.
        object: Value,
    },
    /// An object vanished from the watch; it may still exist without our label.
    Vanished {
        /// Which watch.
        subject: Arc<Subject>,
        /// Its last state.
        object: Value,
    },
    /// The kind cannot be read at the moment.
    Failed {
        /// Which watch.
        subject: Arc<Subject>,
        /// Why, in words.
        reason: String,
    },
}

/// What one watch is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The kind.
    pub kind: ApiKind,
    /// The namespace; `None` for all of them.
    pub namespace: Option<String>,
}

impl Subject {
    fn scope(&self) -> Scope {
        self.namespace.clone().map_or(Scope::All, Scope::Namespace)
    }

    /// How much of each object is read.
    pub fn detail(&self) -> Detail {
        if needs_body(&self.kind.group, &self.kind.kind) { Detail::Whole } else { Detail::Metadata }
    }

    /// The key of an object that this watch saw.
    pub fn key(&self, object: &Value) -> Option<ObjectKey> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Some(ObjectKey {
            group: self.kind.group.clone(),
            kind: self.kind.kind.clone(),
            namespace: text("/metadata/namespace").filter(|_| self.kind.namespaced),
            name: text("/metadata/name")?,
        })
    }

    /// Whether an object belongs to this watch.
    pub fn covers(&self, key: &ObjectKey) -> bool {
        let namespace = self.namespace.is_none() || self.namespace == key.namespace;
        key.group == self.kind.group && key.kind == self.kind.kind && namespace
    }
}

/// Follows one subject until the reconciler is gone. A change of `again` makes it list anew; what is `recalled`
/// saves reads in the first listing.
pub async fn follow<C: Cluster>(
    cluster: Arc<C>,
    subject: Arc<Subject>,
    seen: mpsc::Sender<Seen>,
    mut again: watch::Receiver<u64>,
    mut recalled: Option<Arc<Recalled>>,
    seed: u64,
) {
    let Ok(mut backoff) = Backoff::new(RETRY_FIRST, RETRY_LONGEST, seed) else { return };
    loop {
        let ended = tokio::select! {
            ended = once(&*cluster, &subject, &seen, recalled.take(), &mut backoff) => ended,
            changed = again.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let pause = match ended {
            Ended::Reconciler => return,
            Ended::Expired => Duration::ZERO,
            Ended::Broken(error) => {
                let reason = Chain(&error).to_string();
                warn!(kind = %subject.kind, reason, "a watch broke");
                if seen.send(Seen::Failed { subject: subject.clone(), reason }).await.is_err() {
                    return;
                }
                backoff.next_delay()
            }
        };
        tokio::time::sleep(pause).await;
    }
}

enum Ended {
    /// Nobody listens any more.
    Reconciler,
    /// The server forgot the version: list again at once.
    Expired,
    /// Something failed: tell and wait.
    Broken(ClusterError),
}

/// Lists, then watches for as long as it goes well.
async fn once<C: Cluster>(
    cluster: &C,
    subject: &Arc<Subject>,
    seen: &mpsc::Sender<Seen>,
    recalled: Option<Arc<Recalled>>,
    backoff: &mut Backoff,
) -> Ended {
    let (scope, detail) = (subject.scope(), subject.detail());
    let mut version = match listing::list(cluster, subject, seen, recalled).await {
        Ok(version) => version,
        Err(error) => return Ended::Broken(error),
    };
    while !seen.is_closed() {
        let events = cluster.watch(&subject.kind, &scope, Some(FLEET_LABEL), detail, &version).await;
        let mut events = match events {
            Ok(events) => events,
            Err(ClusterError::Expired) => return Ended::Expired,
            Err(error) => return Ended::Broken(error),
        };
        backoff.reset();
        while let Some(event) = events.next().await {
            let (object, vanished) = match event {
                Ok(WatchEvent::Bookmark { resource_version }) => {
                    version = resource_version;
                    continue;
                }
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => (object, false),
                Ok(WatchEvent::Deleted(object)) => (object, true),
                Err(ClusterError::Expired) => return Ended::Expired,
                Err(error) => return Ended::Broken(error),
            };
            if let Some(newest) = object.pointer("/metadata/resourceVersion").and_then(Value::as_str) {
                newest.clone_into(&mut version);
            }
            let subject = subject.clone();
            let told = if vanished { Seen::Vanished { subject, object } } else { Seen::Changed { subject, object } };
            if seen.send(told).await.is_err() {
                return Ended::Reconciler;
            }
        }
        debug!(kind = %subject.kind, "a watch ended and goes on");
    }
    Ended::Reconciler
}
