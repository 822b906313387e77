//! One cluster: the three axes, drift, versions and ages.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skerry_common::bundle::root::SourceRevision;
use skerry_common::diagnostic::Diagnostic;
use skerry_common::id::{ApplicationName, ClusterId, ClusterName, GroupName};
use skerry_common::object::ObjectKey;
use skerry_common::report::{BundleMark, Condition, HeldPrune};
use skerry_common::status::{Contact, ContactBounds, Health, HealthCounts, Sync};

use super::{ClusterRecord, Reported, Timestamp};
use crate::filter::Filterable;

/// A cluster, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    /// Its name.
    pub name: ClusterName,
    /// Its id.
    pub id: ClusterId,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The groups that it belongs to.
    pub groups: BTreeSet<GroupName>,
    /// When the hub last heard of it, in one word.
    pub contact: Contact,
    /// Whether it runs what it should; the last that is known.
    pub sync: Sync,
    /// Why not, in words; empty when current.
    pub reason: String,
    /// Whether what runs works; the last that is known.
    pub health: Health,
    /// Its objects by health.
    pub objects: HealthCounts,
    /// Open drifts.
    pub drift: u32,
    /// How many applications it runs.
    pub applications: u32,
    /// The newest bundle that was signed for it.
    pub target: Option<BundleView>,
    /// The newest bundle that it applied whole.
    pub applied: Option<BundleView>,
    /// Deletions that wait for a person.
    pub held_prunes: Vec<HeldPruneView>,
    /// Conditions of its agent that hold.
    pub conditions: Vec<Condition>,
    /// Why what Git says now is not published for it.
    pub errors: Vec<Diagnostic>,
    /// Why its agent refused the target; absent when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The revisions that the target was made of; told when one cluster is asked for, not in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceRevision>,
    /// Version of its agent; empty when unknown, as are the next ones.
    pub agent_version: String,
    /// Version of the link.
    pub wire_version: Option<u16>,
    /// Newest bundle schema that it reads.
    pub bundle_schema: Option<u32>,
    /// Version of its trust root.
    pub trust_version: Option<u64>,
    /// Version of Kubernetes.
    pub kubernetes_version: String,
    /// Operating system and architecture.
    pub platform: String,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When anything was last heard of it.
    pub last_heard_at: Option<Timestamp>,
    /// When its oldest part was observed.
    pub observed_at: Option<Timestamp>,
    /// When its last report arrived.
    pub received_at: Option<Timestamp>,
    /// How old what is shown is, in seconds.
    pub age_seconds: Option<u64>,
}

/// Which bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleView {
    /// The trust root's epoch.
    pub epoch: u64,
    /// The generation within it.
    pub generation: u64,
    /// Digest of the root.
    pub root: skerry_common::bundle::digest::Digest,
}

impl From<BundleMark> for BundleView {
    fn from(mark: BundleMark) -> Self {
        Self { epoch: mark.place.epoch.0, generation: mark.place.generation.0, root: mark.root }
    }
}

/// A deletion that waits for `skerry cluster confirm-prune`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldPruneView {
    /// The application whose objects would go.
    pub application: ApplicationName,
    /// Digest of the list, which the confirmation carries.
    pub list: skerry_common::bundle::digest::Digest,
    /// How many objects.
    pub objects: u32,
    /// The first of them.
    pub examples: Vec<String>,
    /// Which guard, in words.
    pub reason: String,
}

impl From<&HeldPrune> for HeldPruneView {
    fn from(held: &HeldPrune) -> Self {
        Self {
            application: held.application.clone(),
            list: held.list,
            objects: held.objects,
            examples: held.examples.iter().map(ObjectKey::to_string).collect(),
            reason: held.reason.clone(),
        }
    }
}

/// Folds what is known of a cluster.
pub fn cluster(record: &ClusterRecord, bounds: &ContactBounds, now: Timestamp) -> ClusterView {
    let reported = record.reported.as_ref();
    let (sync, reason) = sync(record);
    let objects = reported.map(object_counts).unwrap_or_default();
    let agent = record.agent.as_ref();
    let observed_at = reported.map(Reported::observed_at);
    ClusterView {
        name: record.name.clone(),
        id: record.id.clone(),
        labels: record.labels.clone(),
        groups: record.groups.clone(),
        contact: record.contact(bounds, now),
        sync,
        reason,
        health: reported.map_or(Health::Unknown, health),
        objects,
        drift: reported.map_or(0, drift),
        applications: reported.map_or(0, |reported| u32::try_from(reported.applications.len()).unwrap_or(u32::MAX)),
        target: record.target.map(BundleView::from),
        applied: reported.and_then(|reported| reported.applied).map(BundleView::from),
        held_prunes: reported
            .map(|reported| reported.held_prunes.iter().map(HeldPruneView::from).collect())
            .unwrap_or_default(),
        conditions: reported.map(conditions).unwrap_or_default(),
        errors: record.errors.clone(),
        refused: record.refused.clone(),
        sources: Vec::new(),
        agent_version: agent.map(|agent| agent.version.clone()).unwrap_or_default(),
        wire_version: agent.map(|agent| agent.wire_version),
        bundle_schema: agent.and_then(|agent| agent.bundle_schemas.iter().copied().max()),
        trust_version: agent.map(|agent| agent.trust_version),
        kubernetes_version: record.facts.kubernetes_version.clone(),
        platform: record.facts.platform.clone(),
        registered_at: record.registered_at,
        last_heard_at: record.last_heard,
        observed_at,
        received_at: reported.map(|reported| reported.received_at),
        age_seconds: observed_at.map(|observed| observed.age(now).as_secs()),
    }
}

fn conditions(reported: &Reported) -> Vec<Condition> {
    reported.conditions.iter().filter(|condition| condition.status).cloned().collect()
}

fn object_counts(reported: &Reported) -> HealthCounts {
    let mut sum = HealthCounts::default();
    for section in reported.applications.values() {
        let counts = &section.report.counts;
        sum.healthy = sum.healthy.saturating_add(counts.healthy);
        sum.progressing = sum.progressing.saturating_add(counts.progressing);
        sum.degraded = sum.degraded.saturating_add(counts.degraded);
        sum.suspended = sum.suspended.saturating_add(counts.suspended);
        sum.unknown = sum.unknown.saturating_add(counts.unknown);
    }
    sum
}

/// The worst of its applications.
fn health(reported: &Reported) -> Health {
    reported.applications.values().map(|section| section.report.health).max().unwrap_or(Health::Healthy)
}

fn drift(reported: &Reported) -> u32 {
    reported.applications.values().map(|section| section.report.drift).fold(0, u32::saturating_add)
}

/// Whether a cluster runs what Git says: failed before held before rolling before current.
fn sync(record: &ClusterRecord) -> (Sync, String) {
    if let Some(error) = record.errors.iter().find(|error| error.is_error()) {
        return (Sync::Failed, format!("not published: {}", error.message));
    }
    if let Some(reason) = &record.refused {
        return (Sync::Failed, format!("refused by the agent: {reason}"));
    }
    let Some(reported) = &record.reported else { return (Sync::Unknown, "nothing was reported yet".to_owned()) };
    let first = |wanted: Sync| {
        let mut sections = reported.applications.iter();
        sections.find(|(_, section)| section.report.sync == wanted).map(|(name, section)| {
            match &section.report.reason {
                reason if reason.is_empty() => format!("application {name}"),
                reason => format!("application {name}: {reason}"),
            }
        })
    };
    if let Some(reason) = first(Sync::Failed) {
        return (Sync::Failed, reason);
    }
    if let Some(held) = reported.held_prunes.first() {
        return (Sync::Held, format!("a deletion of {} objects waits: {}", held.objects, held.reason));
    }
    let behind = |applied: Option<BundleMark>, target: BundleMark| applied.map(|mark| mark.root) != Some(target.root);
    if let Some(target) = record.target.filter(|target| behind(reported.applied, *target)) {
        return (Sync::Rolling, format!("generation {} is on its way", target.place));
    }
    for sync in [Sync::Rolling, Sync::Held, Sync::Unknown] {
        if let Some(reason) = first(sync) {
            return (sync, reason);
        }
    }
    (Sync::Current, String::new())
}

impl ClusterView {
    /// True when its axes may be counted as they are: what is too old counts as unknown.
    pub fn is_known(&self) -> bool {
        match self.contact {
            Contact::Connected | Contact::Late => true,
            Contact::Offline | Contact::Revoked | Contact::Pending => false,
        }
    }

    /// Its sync in counts.
    pub fn counted_sync(&self) -> Sync {
        if self.is_known() { self.sync } else { Sync::Unknown }
    }

    /// Its health in counts.
    pub fn counted_health(&self) -> Health {
        if self.is_known() { self.health } else { Health::Unknown }
    }
}

impl Filterable for ClusterView {
    const FIELDS: &'static [&'static str] = &[
        "name",
        "id",
        "group",
        "contact",
        "sync",
        "health",
        "drift",
        "age",
        "generation",
        "agentVersion",
        "kubernetesVersion",
    ];
    const LABELLED: bool = true;

    fn values(&self, field: &str) -> Vec<String> {
        let text = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
        match field {
            "name" => text(self.name.as_str()),
            "id" => text(self.id.as_str()),
            "group" => self.groups.iter().map(GroupName::to_string).collect(),
            "contact" => text(self.contact.word()),
            "sync" => text(self.sync.word()),
            "health" => text(self.health.word()),
            "drift" => vec![self.drift.to_string()],
            "age" => self.age_seconds.iter().map(u64::to_string).collect(),
            "generation" => self.applied.iter().map(|applied| applied.generation.to_string()).collect(),
            "agentVersion" => text(&self.agent_version),
            "kubernetesVersion" => text(&self.kubernetes_version),
            _ => Vec::new(),
        }
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }
}
