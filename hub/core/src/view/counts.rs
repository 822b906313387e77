//! Counts of clusters: of a group, and of the fleet.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skerry_common::diagnostic::Diagnostic;
use skerry_common::id::{ApplicationName, CommitId, FleetId, GroupName};
use skerry_common::status::{Contact, Health, Sync};

use super::{Attention, ClusterView, SourceView, Timestamp};
use crate::filter::Filterable;
use crate::fleet::{Fleet, Group};

/// The fleet at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetView {
    /// Its id.
    pub fleet: FleetId,
    /// When this was put together.
    pub generated_at: Timestamp,
    /// The commit of the fleet repository that is in force.
    pub commit: Option<CommitId>,
    /// All clusters.
    pub counts: Counts,
    /// Clusters by group; one may be in several, or in none.
    pub groups: Vec<GroupView>,
    /// What is followed.
    pub sources: Vec<SourceView>,
    /// What needs a person, worst first.
    pub attention: Vec<Attention>,
    /// Why the newest commit of the fleet repository is not in force.
    pub errors: Vec<Diagnostic>,
}

/// A cluster group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupView {
    /// Its name.
    pub name: GroupName,
    /// What its members run.
    pub applications: BTreeSet<ApplicationName>,
    /// Its members.
    pub counts: Counts,
}

/// How many clusters are how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// All of them.
    pub clusters: u32,
    /// By contact.
    pub contact: ContactCounts,
    /// By sync; what is offline, revoked or pending counts as unknown.
    pub sync: SyncCounts,
    /// By health; likewise.
    pub health: HealthOfClusters,
    /// Clusters with open drifts; what is offline, revoked or pending is not among them.
    pub drifted: u32,
    /// Open drifts of these.
    pub drift: u64,
    /// When the oldest of what is counted as known was observed; null when nothing is.
    pub observed_at: Option<Timestamp>,
}

/// Clusters by contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContactCounts {
    /// Heard of lately.
    pub connected: u32,
    /// Silent for a while.
    pub late: u32,
    /// Silent for long.
    pub offline: u32,
    /// Shut out.
    pub revoked: u32,
    /// Registered, never seen.
    pub pending: u32,
}

/// Clusters by sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SyncCounts {
    /// Run the newest generation.
    pub current: u32,
    /// On their way to it.
    pub rolling: u32,
    /// Held by a guard, a gate or a suspension.
    pub held: u32,
    /// Something was refused or could not be applied.
    pub failed: u32,
    /// Not known.
    pub unknown: u32,
}

/// Clusters by health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HealthOfClusters {
    /// Work.
    pub healthy: u32,
    /// On their way.
    pub progressing: u32,
    /// Broken.
    pub degraded: u32,
    /// Stopped on purpose.
    pub suspended: u32,
    /// Not known.
    pub unknown: u32,
}

/// The older of two times, where there are two.
pub(super) fn oldest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// Counts clusters.
pub fn count<'a>(clusters: impl IntoIterator<Item = &'a ClusterView>) -> Counts {
    let mut counts = Counts::default();
    for cluster in clusters {
        counts.add(cluster);
    }
    counts
}

impl Counts {
    fn add(&mut self, cluster: &ClusterView) {
        let contact = match cluster.contact {
            Contact::Connected => &mut self.contact.connected,
            Contact::Late => &mut self.contact.late,
            Contact::Offline => &mut self.contact.offline,
            Contact::Revoked => &mut self.contact.revoked,
            Contact::Pending => &mut self.contact.pending,
        };
        let sync = match cluster.counted_sync() {
            Sync::Current => &mut self.sync.current,
            Sync::Rolling => &mut self.sync.rolling,
            Sync::Held => &mut self.sync.held,
            Sync::Failed => &mut self.sync.failed,
            Sync::Unknown => &mut self.sync.unknown,
        };
        let health = match cluster.counted_health() {
            Health::Healthy => &mut self.health.healthy,
            Health::Progressing => &mut self.health.progressing,
            Health::Degraded => &mut self.health.degraded,
            Health::Suspended => &mut self.health.suspended,
            Health::Unknown => &mut self.health.unknown,
        };
        for slot in [contact, sync, health, &mut self.clusters] {
            *slot = slot.saturating_add(1);
        }
        if cluster.is_known() {
            self.drifted = self.drifted.saturating_add(u32::from(cluster.drift > 0));
            self.drift = self.drift.saturating_add(u64::from(cluster.drift));
            self.observed_at = oldest(self.observed_at, cluster.observed_at);
        }
    }
}

/// Counts the members of every group of the fleet, also of one without members.
pub fn groups<'a>(fleet: &Fleet, clusters: impl IntoIterator<Item = &'a ClusterView>) -> Vec<GroupView> {
    let mut counts: BTreeMap<&GroupName, Counts> = BTreeMap::new();
    for cluster in clusters {
        for name in &cluster.groups {
            counts.entry(name).or_default().add(cluster);
        }
    }
    let view = |(name, group): (&GroupName, &Group)| GroupView {
        name: name.clone(),
        applications: group.applications.clone(),
        counts: counts.get(name).copied().unwrap_or_default(),
    };
    fleet.groups.iter().map(view).collect()
}

impl Filterable for GroupView {
    const FIELDS: &'static [&'static str] =
        &["name", "application", "clusters", "offline", "failed", "degraded", "drift"];

    fn values(&self, field: &str) -> Vec<String> {
        let counts = &self.counts;
        match field {
            "name" => vec![self.name.to_string()],
            "application" => self.applications.iter().map(ApplicationName::to_string).collect(),
            "clusters" => vec![counts.clusters.to_string()],
            "offline" => vec![counts.contact.offline.to_string()],
            "failed" => vec![counts.sync.failed.to_string()],
            "degraded" => vec![counts.health.degraded.to_string()],
            "drift" => vec![counts.drift.to_string()],
            _ => Vec::new(),
        }
    }
}
