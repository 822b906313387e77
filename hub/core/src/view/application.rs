//! Applications: on one cluster, and over all clusters that run them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skerry_common::id::{ApplicationName, ClusterName, SourceName};
use skerry_common::status::{Contact, ContactBounds, Health, HealthCounts, Sync};

use super::counts::oldest;
use super::{ClusterRecord, HealthOfClusters, SyncCounts, Timestamp};
use crate::filter::Filterable;
use crate::fleet::Fleet;

/// An application over all clusters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationView {
    /// Its name.
    pub name: ApplicationName,
    /// The sources that it is made of.
    pub sources: BTreeSet<SourceName>,
    /// Clusters that reported it.
    pub clusters: u32,
    /// Those by sync; what is too old counts as unknown.
    pub sync: SyncCounts,
    /// Those by health; likewise.
    pub health: HealthOfClusters,
    /// Open drifts, where they are known.
    pub drift: u64,
    /// When the oldest of what is counted as known was observed; null when nothing is.
    pub observed_at: Option<Timestamp>,
    /// How it fares on each cluster, by name of the cluster.
    pub on: Vec<ApplicationOnCluster>,
}

/// An application on one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationOnCluster {
    /// The application.
    pub application: ApplicationName,
    /// The cluster.
    pub cluster: ClusterName,
    /// When the hub last heard of the cluster, in one word.
    pub contact: Contact,
    /// Whether it is as it should be; the last that is known.
    pub sync: Sync,
    /// Why not, in words.
    pub reason: String,
    /// Whether it works; the last that is known.
    pub health: Health,
    /// Its objects by health.
    pub objects: HealthCounts,
    /// Open drifts.
    pub drift: u32,
    /// When that was observed.
    pub observed_at: Timestamp,
    /// When the hub learnt of it.
    pub received_at: Timestamp,
    /// How old it is, in seconds.
    pub age_seconds: u64,
}

/// Folds what all clusters reported, by application; one that nobody reported has no clusters.
pub fn applications<'a>(
    fleet: &Fleet,
    records: impl IntoIterator<Item = &'a ClusterRecord>,
    bounds: &ContactBounds,
    now: Timestamp,
) -> Vec<ApplicationView> {
    let mut views: BTreeMap<ApplicationName, ApplicationView> = BTreeMap::new();
    for (name, application) in &fleet.applications {
        let sources = application.sources.iter().map(|source| source.from.clone()).collect();
        views.insert(name.clone(), empty(name.clone(), sources));
    }
    for record in records {
        for (name, row) in rows(record, bounds, now) {
            views.entry(name.clone()).or_insert_with(|| empty(name, BTreeSet::new())).add(row);
        }
    }
    for view in views.values_mut() {
        view.on.sort_by(|a, b| a.cluster.cmp(&b.cluster));
    }
    views.into_values().collect()
}

fn empty(name: ApplicationName, sources: BTreeSet<SourceName>) -> ApplicationView {
    let (sync, health) = (SyncCounts::default(), HealthOfClusters::default());
    ApplicationView { name, sources, clusters: 0, sync, health, drift: 0, observed_at: None, on: Vec::new() }
}

fn rows<'a>(
    record: &'a ClusterRecord,
    bounds: &ContactBounds,
    now: Timestamp,
) -> impl Iterator<Item = (ApplicationName, ApplicationOnCluster)> + 'a {
    let contact = record.contact(bounds, now);
    let sections = record.reported.iter().flat_map(|reported| &reported.applications);
    sections.map(move |(name, section)| {
        let report = &section.report;
        let row = ApplicationOnCluster {
            application: name.clone(),
            cluster: record.name.clone(),
            contact,
            sync: report.sync,
            reason: report.reason.clone(),
            health: report.health,
            objects: report.counts,
            drift: report.drift,
            observed_at: section.observed_at,
            received_at: section.received_at,
            age_seconds: section.observed_at.age(now).as_secs(),
        };
        (name.clone(), row)
    })
}

impl ApplicationView {
    fn add(&mut self, row: ApplicationOnCluster) {
        let known = matches!(row.contact, Contact::Connected | Contact::Late);
        let sync = match if known { row.sync } else { Sync::Unknown } {
            Sync::Current => &mut self.sync.current,
            Sync::Rolling => &mut self.sync.rolling,
            Sync::Held => &mut self.sync.held,
            Sync::Failed => &mut self.sync.failed,
            Sync::Unknown => &mut self.sync.unknown,
        };
        let health = match if known { row.health } else { Health::Unknown } {
            Health::Healthy => &mut self.health.healthy,
            Health::Progressing => &mut self.health.progressing,
            Health::Degraded => &mut self.health.degraded,
            Health::Suspended => &mut self.health.suspended,
            Health::Unknown => &mut self.health.unknown,
        };
        for slot in [sync, health, &mut self.clusters] {
            *slot = slot.saturating_add(1);
        }
        if known {
            self.drift = self.drift.saturating_add(u64::from(row.drift));
            self.observed_at = oldest(self.observed_at, Some(row.observed_at));
        }
        self.on.push(row);
    }
}

impl Filterable for ApplicationView {
    const FIELDS: &'static [&'static str] = &["name", "source", "cluster", "clusters", "failed", "degraded", "drift"];

    fn values(&self, field: &str) -> Vec<String> {
        match field {
            "name" => vec![self.name.to_string()],
            "source" => self.sources.iter().map(SourceName::to_string).collect(),
            "cluster" => self.on.iter().map(|row| row.cluster.to_string()).collect(),
            "clusters" => vec![self.clusters.to_string()],
            "failed" => vec![self.sync.failed.to_string()],
            "degraded" => vec![self.health.degraded.to_string()],
            "drift" => vec![self.drift.to_string()],
            _ => Vec::new(),
        }
    }
}
