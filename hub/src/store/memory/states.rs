//! State reports in memory.

use skerry_common::id::ClusterId;

use super::{MemoryStore, State, page};
use crate::store::StoreError;
use crate::store::states::{
    ApplicationQuery, ApplicationRange, ApplicationState, ClusterState, Scope, StateStore, StateUpdate, empty_state,
    fold, observed_at,
};

impl StateStore for MemoryStore {
    async fn put_states(&self, updates: Vec<StateUpdate>) -> Result<(), StoreError> {
        self.with(|state| updates.into_iter().for_each(|update| put(state, update)))
    }

    async fn state(&self, cluster: &ClusterId) -> Result<Option<ClusterState>, StoreError> {
        self.with(|state| state.states.get(cluster).cloned())
    }

    async fn states(&self, clusters: &[ClusterId]) -> Result<Vec<ClusterState>, StoreError> {
        self.with(|state| clusters.iter().filter_map(|id| state.states.get(id).cloned()).collect())
    }

    async fn sections(&self, clusters: &[ClusterId]) -> Result<Vec<ApplicationState>, StoreError> {
        self.with(|state| {
            state.applications.values().filter(|known| clusters.contains(&known.cluster)).cloned().collect()
        })
    }

    async fn applications(&self, query: &ApplicationQuery) -> Result<Vec<ApplicationState>, StoreError> {
        self.with(|state| {
            let wanted = state.applications.values().filter(|known| {
                query.cluster.as_ref().is_none_or(|cluster| known.cluster == *cluster)
                    && query.application.as_ref().is_none_or(|name| known.report.application == *name)
            });
            let name = |known: &ApplicationState| (known.report.application.clone(), known.cluster_name.clone());
            let mut found: Vec<ApplicationState> = match &query.range {
                ApplicationRange::ByName(after) => {
                    wanted.filter(|known| after.as_ref().is_none_or(|after| name(known) > *after)).cloned().collect()
                }
                ApplicationRange::Changed(after) => wanted.filter(|known| known.position > *after).cloned().collect(),
            };
            match query.range {
                ApplicationRange::ByName(_) => found.sort_by_key(name),
                ApplicationRange::Changed(_) => found.sort_by_key(|known| known.position),
            }
            found.truncate(page(query.limit));
            found
        })
    }
}

fn put(state: &mut State, update: StateUpdate) {
    let Some(cluster) = state.clusters.get(&update.cluster) else { return };
    let cluster_name = cluster.record.name.clone();
    for report in &update.applications {
        let section = ApplicationState {
            cluster: update.cluster.clone(),
            cluster_name: cluster_name.clone(),
            report: report.clone(),
            observed_unix_ms: observed_at(update.received_unix_ms, report.age_ms),
            received_unix_ms: update.received_unix_ms,
            position: state.next(),
        };
        state.applications.insert((report.application.clone(), update.cluster.clone()), section);
    }
    state.applications.retain(|(name, cluster), _| {
        let gone = match update.scope {
            Scope::Full => !update.applications.iter().any(|report| report.application == *name),
            Scope::Changes => update.removed.contains(name),
        };
        *cluster != update.cluster || !gone
    });
    let mut folded = empty_state(&update);
    for section in state.applications.values().filter(|section| section.cluster == update.cluster) {
        fold(&mut folded, &section.report, section.observed_unix_ms);
    }
    state.states.insert(update.cluster.clone(), folded);
    state.changed(&update.cluster);
}
