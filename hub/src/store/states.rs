//! State reports: a cache of what agents said last. They send it again when it is gone.

use std::future::Future;

use skerry_common::id::{ApplicationName, ClusterId, ClusterName};
use skerry_common::report::{ApplicationReport, BundleMark, Condition, HeldPrune};
use skerry_common::status::{Health, HealthCounts, Sync};

use super::{Position, StoreError};

/// What clusters reported last.
pub trait StateStore {
    /// Stores reports of any number of clusters in one transaction; unknown clusters are skipped.
    fn put_states(&self, updates: Vec<StateUpdate>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What one cluster reported last.
    fn state(&self, cluster: &ClusterId) -> impl Future<Output = Result<Option<ClusterState>, StoreError>> + Send;

    /// What these clusters reported last, in any order; those that never did are left out.
    fn states(&self, clusters: &[ClusterId]) -> impl Future<Output = Result<Vec<ClusterState>, StoreError>> + Send;

    /// All application sections of these clusters.
    fn sections(
        &self,
        clusters: &[ClusterId],
    ) -> impl Future<Output = Result<Vec<ApplicationState>, StoreError>> + Send;

    /// Application sections, page by page.
    fn applications(
        &self,
        query: &ApplicationQuery,
    ) -> impl Future<Output = Result<Vec<ApplicationState>, StoreError>> + Send;
}

/// One report, as it is to be merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateUpdate {
    /// Whose.
    pub cluster: ClusterId,
    /// When the hub got it.
    pub received_unix_ms: i64,
    /// Whether sections that are not here are gone.
    pub scope: Scope,
    /// The bundle that is the target there.
    pub current: Option<BundleMark>,
    /// The newest bundle that was applied whole.
    pub applied: Option<BundleMark>,
    /// Sections that changed.
    pub applications: Vec<ApplicationReport>,
    /// Sections that no longer exist.
    pub removed: Vec<ApplicationName>,
    /// Conditions of the agent; all of them.
    pub conditions: Vec<Condition>,
    /// Deletions that wait for a person; all of them.
    pub held_prunes: Vec<HeldPrune>,
}

/// How much a report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything: sections that are not in it are gone.
    Full,
    /// Only what changed.
    Changes,
}

/// A cluster's state, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterState {
    /// Whose.
    pub cluster: ClusterId,
    /// When the hub got the last report.
    pub received_unix_ms: i64,
    /// When the oldest section was observed: nothing here is known to be newer than that.
    pub observed_unix_ms: i64,
    /// The bundle that is the target there.
    pub current: Option<BundleMark>,
    /// The newest bundle that was applied whole.
    pub applied: Option<BundleMark>,
    /// The worst sync of its applications; `Current` when there are none.
    pub sync: Sync,
    /// The worst health of its applications.
    pub health: Health,
    /// Objects by health, over all applications.
    pub counts: HealthCounts,
    /// Open drifts, over all applications.
    pub drift: u64,
    /// How many applications it reported.
    pub applications: u64,
    /// Conditions of the agent.
    pub conditions: Vec<Condition>,
    /// Deletions that wait for a person.
    pub held_prunes: Vec<HeldPrune>,
}

/// One application on one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationState {
    /// Where.
    pub cluster: ClusterId,
    /// The cluster's name.
    pub cluster_name: ClusterName,
    /// What was reported. Its `age_ms` is that of the moment it was received.
    pub report: ApplicationReport,
    /// When it was observed, by the hub's clock.
    pub observed_unix_ms: i64,
    /// When the hub got it.
    pub received_unix_ms: i64,
    /// When this last changed, in the hub's order.
    pub position: Position,
}

/// Which application sections.
#[derive(Debug, Clone, Default)]
pub struct ApplicationQuery {
    /// Only on this cluster.
    pub cluster: Option<ClusterId>,
    /// Only this application.
    pub application: Option<ApplicationName>,
    /// In which order, from where.
    pub range: ApplicationRange,
    /// At most so many, and at most [`super::PAGE_ROWS_MAX`].
    pub limit: usize,
}

/// In which order, from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationRange {
    /// By application, then cluster name, after this pair.
    ByName(Option<(ApplicationName, ClusterName)>),
    /// By position, after this one.
    Changed(Position),
}

impl Default for ApplicationRange {
    fn default() -> Self {
        Self::ByName(None)
    }
}

/// How bad a sync is, to find the worst of several: failed, unknown, held, rolling, current.
pub(super) fn sync_rank(sync: Sync) -> u8 {
    match sync {
        Sync::Current => 0,
        Sync::Rolling => 1,
        Sync::Held => 2,
        Sync::Unknown => 3,
        Sync::Failed => 4,
    }
}

/// Folds an application's section into its cluster's state.
pub(super) fn fold(state: &mut ClusterState, report: &ApplicationReport, observed_unix_ms: i64) {
    if sync_rank(report.sync) > sync_rank(state.sync) {
        state.sync = report.sync;
    }
    state.health = state.health.max(report.health);
    state.counts.healthy = state.counts.healthy.saturating_add(report.counts.healthy);
    state.counts.progressing = state.counts.progressing.saturating_add(report.counts.progressing);
    state.counts.degraded = state.counts.degraded.saturating_add(report.counts.degraded);
    state.counts.suspended = state.counts.suspended.saturating_add(report.counts.suspended);
    state.counts.unknown = state.counts.unknown.saturating_add(report.counts.unknown);
    state.drift = state.drift.saturating_add(u64::from(report.drift));
    state.applications = state.applications.saturating_add(1);
    state.observed_unix_ms = state.observed_unix_ms.min(observed_unix_ms);
}

/// The state of a cluster that reported no application.
pub(super) fn empty_state(update: &StateUpdate) -> ClusterState {
    ClusterState {
        cluster: update.cluster.clone(),
        received_unix_ms: update.received_unix_ms,
        observed_unix_ms: update.received_unix_ms,
        current: update.current,
        applied: update.applied,
        sync: Sync::Current,
        health: Health::Healthy,
        counts: HealthCounts::default(),
        drift: 0,
        applications: 0,
        conditions: update.conditions.clone(),
        held_prunes: update.held_prunes.clone(),
    }
}

/// When a section was observed: as long before it was received as the agent said.
pub(super) fn observed_at(received_unix_ms: i64, age_ms: u64) -> i64 {
    received_unix_ms.saturating_sub(i64::try_from(age_ms).unwrap_or(i64::MAX)).max(0)
}
