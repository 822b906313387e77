//! A listing: whole, or – for what the ledger remembers – by metadata first.
//!
//! ```text
//! nothing remembered ──▶ every object, whole, page by page
//! remembered ──▶ metadata, page by page ─┬─ same uid and version ──▶ it is as it was
//!                                        └─ another ──▶ read whole, one by one; when many: list whole after all
//! ```

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;
use skerry_agent_core::marks::FLEET_LABEL;
use skerry_common::object::ObjectKey;
use tokio::sync::mpsc;

use super::{Seen, Subject};
use crate::cluster::{Cluster, ClusterError, Detail, Target};
use crate::ledger::Recalled;

/// Objects that are read one by one: for more of them, pages are quicker.
const READS_MAX: usize = 50;

/// Tells every object, then that these were all; gives the version from where to watch.
pub(super) async fn list<C: Cluster>(
    cluster: &C,
    subject: &Arc<Subject>,
    seen: &mpsc::Sender<Seen>,
    recalled: Option<Arc<Recalled>>,
) -> Result<String, ClusterError> {
    let covers = |recalled: &Arc<Recalled>| recalled.keys().any(|key| subject.covers(key));
    let Listed { keys, version } = match recalled.filter(covers) {
        Some(recalled) if subject.detail() == Detail::Whole => compared(cluster, subject, seen, &recalled).await?,
        Some(_) | None => whole(cluster, subject, seen).await?,
    };
    say(seen, Seen::Listed { subject: subject.clone(), keys, version: version.clone() }).await;
    Ok(version)
}

/// What a listing named, and from where to watch.
struct Listed {
    keys: BTreeSet<ObjectKey>,
    version: String,
}

/// Tells every object as it is read.
async fn whole<C: Cluster>(
    cluster: &C,
    subject: &Arc<Subject>,
    seen: &mpsc::Sender<Seen>,
) -> Result<Listed, ClusterError> {
    let mut keys = BTreeSet::new();
    let mut tell = |object: Value| {
        keys.extend(subject.key(&object));
        say(seen, Seen::Changed { subject: subject.clone(), object })
    };
    let (scope, detail) = (subject.scope(), subject.detail());
    let version = cluster.visit(&subject.kind, &scope, Some(FLEET_LABEL), detail, &mut tell).await?;
    Ok(Listed { keys, version })
}

/// Reads whole only what is not as it is remembered.
async fn compared<C: Cluster>(
    cluster: &C,
    subject: &Arc<Subject>,
    seen: &mpsc::Sender<Seen>,
    recalled: &Recalled,
) -> Result<Listed, ClusterError> {
    let mut keys = BTreeSet::new();
    let mut differing = Vec::new();
    let mut look = |object: Value| -> BoxFuture<'static, ()> {
        let Some(key) = subject.key(&object) else { return ready(()).boxed() };
        if !is_recalled(recalled, &key, &object) {
            differing.push(key);
            return ready(()).boxed();
        }
        keys.insert(key.clone());
        say(seen, Seen::Unchanged { subject: subject.clone(), key })
    };
    let scope = subject.scope();
    let version = cluster.visit(&subject.kind, &scope, Some(FLEET_LABEL), Detail::Metadata, &mut look).await?;
    if differing.len() > READS_MAX {
        return whole(cluster, subject, seen).await;
    }
    for key in differing {
        let target = Target { kind: subject.kind.clone(), namespace: key.namespace.clone(), name: key.name.clone() };
        if let Some(object) = cluster.get(&target, Detail::Whole).await? {
            keys.insert(key);
            say(seen, Seen::Changed { subject: subject.clone(), object }).await;
        }
    }
    Ok(Listed { keys, version })
}

/// Uid and version are the same: so is everything else.
fn is_recalled(recalled: &Recalled, key: &ObjectKey, object: &Value) -> bool {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    recalled.get(key).is_some_and(|entry| {
        entry.uid == text("/metadata/uid") && entry.resource_version == text("/metadata/resourceVersion")
    })
}

/// Waits until the reconciler takes it; that nobody listens any more is noticed by the watch.
fn say(seen: &mpsc::Sender<Seen>, what: Seen) -> BoxFuture<'static, ()> {
    let seen = seen.clone();
    async move { drop(seen.send(what).await) }.boxed()
}
