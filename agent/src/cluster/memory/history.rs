//! What changed lately, and the streams that follow it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{FutureExt, Stream};
use serde_json::Value;
use tokio::sync::watch;

use super::MemoryCluster;
use super::read::{Selector, reduced};
use super::state::{KindId, kind_id};
use crate::cluster::{ApiKind, ClusterError, Detail, Scope, WatchEvent};

/// Changes that are remembered: several updates of a thousand objects.
const CHANGES_MAX: usize = 8192;

/// A watch that saw nothing for this many changes gets a bookmark, long before the history forgets its place.
const BOOKMARK_AFTER: u64 = 512;

/// One change of one object.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) kind: KindId,
    pub(super) before: Option<Arc<Value>>,
    pub(super) after: Option<Arc<Value>>,
}

/// The latest changes.
#[derive(Debug, Default)]
pub(super) struct History {
    changes: VecDeque<Change>,
    /// Everything after this revision is remembered.
    floor: u64,
}

impl History {
    pub(super) fn push(&mut self, change: Change) {
        if self.changes.len() >= CHANGES_MAX
            && let Some(oldest) = self.changes.pop_front()
        {
            self.floor = oldest.revision;
        }
        self.changes.push_back(change);
    }

    pub(super) fn compact(&mut self) {
        if let Some(last) = self.changes.back() {
            self.floor = last.revision;
        }
        self.changes.clear();
    }

    /// The first change after a revision that a query matches, and its revision.
    fn after(&self, revision: u64, query: &Query) -> Result<Option<(u64, WatchEvent)>, ClusterError> {
        if revision < self.floor {
            return Err(ClusterError::Expired);
        }
        let start = self.changes.partition_point(|change| change.revision <= revision);
        let rest = self.changes.range(start..);
        Ok(rest.filter_map(|change| Some((change.revision, query.event(change)?))).next())
    }
}

/// What a watch wants to hear of.
#[derive(Debug)]
pub(super) struct Query {
    kind: KindId,
    api: ApiKind,
    scope: Scope,
    labels: Selector,
    detail: Detail,
}

impl Query {
    pub(super) fn new(
        kind: &ApiKind,
        scope: &Scope,
        labels: Option<&str>,
        detail: Detail,
    ) -> Result<Self, ClusterError> {
        let labels = Selector::parse(labels)?;
        Ok(Self { kind: kind_id(kind), api: kind.clone(), scope: scope.clone(), labels, detail })
    }

    fn matches(&self, object: &Value) -> bool {
        let here = match &self.scope {
            Scope::All => true,
            Scope::Namespace(namespace) => {
                object.pointer("/metadata/namespace").and_then(Value::as_str) == Some(namespace)
            }
        };
        here && self.labels.matches(object)
    }

    fn event(&self, change: &Change) -> Option<WatchEvent> {
        if change.kind != self.kind {
            return None;
        }
        let before = change.before.as_ref().filter(|object| self.matches(object));
        let after = change.after.as_ref().filter(|object| self.matches(object));
        let shown = |object: &Value| reduced(object, &self.api, self.detail);
        match (before, after) {
            (None, None) => None,
            (None, Some(new)) => Some(WatchEvent::Added(shown(new))),
            (Some(_), Some(new)) => Some(WatchEvent::Modified(shown(new))),
            (Some(old), None) => {
                // The last state carries the resource version of its end.
                let mut last = shown(old);
                last["metadata"]["resourceVersion"] = Value::String(change.revision.to_string());
                Some(WatchEvent::Deleted(last))
            }
        }
    }
}

/// A stream of changes of the twin.
pub struct MemoryEvents {
    cluster: MemoryCluster,
    query: Query,
    at: u64,
    signal: Pin<Box<dyn Future<Output = watch::Receiver<u64>> + Send>>,
    ended: bool,
}

impl std::fmt::Debug for MemoryEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryEvents").field("query", &self.query).field("at", &self.at).finish_non_exhaustive()
    }
}

impl MemoryEvents {
    pub(super) fn start(cluster: MemoryCluster, query: Query, from: &str) -> Result<Self, ClusterError> {
        let invalid =
            || ClusterError::Invalid { message: format!("invalid resource version `{from}`"), fields: Vec::new() };
        let at = from.parse().map_err(|_| invalid())?;
        let state = cluster.lock();
        state.kind(&query.api)?;
        state.history.after(at, &query)?;
        drop(state);
        let signal = next_signal(cluster.shared.revision.subscribe());
        Ok(Self { cluster, query, at, signal, ended: false })
    }

    /// What is there already.
    fn next_event(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        let state = self.cluster.lock();
        if state.faults.unreachable {
            drop(state);
            self.ended = true;
            return None;
        }
        match state.history.after(self.at, &self.query) {
            Ok(Some((revision, event))) => {
                self.at = revision;
                Some(Ok(event))
            }
            Ok(None) if state.revision() >= self.at + BOOKMARK_AFTER => {
                self.at = state.revision();
                Some(Ok(WatchEvent::Bookmark { resource_version: self.at.to_string() }))
            }
            Ok(None) => None,
            Err(error) => {
                drop(state);
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

fn next_signal(mut receiver: watch::Receiver<u64>) -> Pin<Box<dyn Future<Output = watch::Receiver<u64>> + Send>> {
    Box::pin(async move {
        // The sender lives as long as the cluster, and the stream holds the cluster.
        let _closed = receiver.changed().await;
        receiver
    })
}

impl Stream for MemoryEvents {
    type Item = Result<WatchEvent, ClusterError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if this.ended {
                return Poll::Ready(None);
            }
            if let Some(event) = this.next_event() {
                return Poll::Ready(Some(event));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            match this.signal.poll_unpin(context) {
                Poll::Ready(receiver) => this.signal = next_signal(receiver),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
