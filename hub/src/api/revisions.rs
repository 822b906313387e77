//! Commits that are part of what clusters run or should run.
//!
//! A root never changes under its digest, so each is read once, and only those that are somebody's
//! target are remembered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::Response;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::root::{BundleRoot, SourceRevision};
use skerry_common::id::ClusterId;
use skerry_common::report::BundleMark;
use skerry_hub_core::view::{self, RevisionView, TargetState};

use super::error::Problem;
use super::lists::{Parameters, Wanted, answer, page};
use super::{Api, ApiStore, HubControl};

type Sources = Arc<Vec<SourceRevision>>;

/// What roots were made of, by their digests.
///
/// A mutex, because any request may look and add; it is held for one access to the map.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<BTreeMap<Digest, Sources>>);

impl Known {
    fn get(&self, root: &Digest) -> Option<Sources> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(root).cloned()
    }

    /// Remembers these, and no others.
    fn set(&self, known: BTreeMap<Digest, Sources>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

pub(super) async fn list<S: ApiStore, C: HubControl>(
    State(api): State<Api<S, C>>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = Wanted::read_page::<RevisionView>(parameters)?;
    let snapshot = api.snapshot().await?;
    let (mut known, mut targets) = (BTreeMap::new(), Vec::new());
    for entry in snapshot.clusters.values() {
        let record = &entry.record;
        let Some(target) = record.target else { continue };
        let applied = record.reported.as_ref().and_then(|reported| reported.applied);
        let sources = match known.get(&target.root).cloned().or_else(|| api.inner.revisions.get(&target.root)) {
            Some(sources) => sources,
            None => sources_of(&api, &record.id, target).await?,
        };
        known.insert(target.root, sources.clone());
        let view = api.cluster_view(record);
        let state = if view.is_known() {
            TargetState::Known { is_applied: applied == Some(target), observed_at: view.observed_at }
        } else {
            TargetState::Unknown
        };
        targets.push((sources, state));
    }
    api.inner.revisions.set(known);
    let views = view::revisions(targets.iter().map(|(sources, state)| (sources.as_slice(), *state)));
    let rows = views.into_iter().map(|row| (format!("{}/{}", row.source, row.commit), row));
    Ok(answer(page(rows, &wanted, &snapshot, api.now())))
}

/// Reads one root; none when a newer one replaced it meanwhile and it is no longer kept.
async fn sources_of<S: ApiStore, C: HubControl>(
    api: &Api<S, C>,
    cluster: &ClusterId,
    target: BundleMark,
) -> Result<Sources, Problem> {
    let Some(stored) = api.inner.store.root(cluster, target.place).await? else { return Ok(Sources::default()) };
    let root: BundleRoot = serde_json::from_slice(&stored.payload)
        .map_err(|_| Problem::internal(format!("the newest bundle root of cluster {cluster} cannot be read")))?;
    Ok(Arc::new(root.sources))
}
