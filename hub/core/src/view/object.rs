//! Objects of an application on a cluster: what the bundle lists, with what the agent reported.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skerry_common::bundle::manifest::Manifest;
use skerry_common::id::{ApplicationName, ClusterName};
use skerry_common::limits::REPORTED_OBJECTS_MAX;
use skerry_common::object::ObjectKey;
use skerry_common::report::ObjectReport;
use skerry_common::status::{Contact, ContactBounds, Health, Sync};

use super::{ClusterRecord, Section, Timestamp};
use crate::filter::Filterable;

/// Which object, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl From<&ObjectKey> for ObjectRef {
    fn from(key: &ObjectKey) -> Self {
        let ObjectKey { group, kind, namespace, name } = key.clone();
        Self { group, kind, namespace, name }
    }
}

/// An object on a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectView {
    /// The cluster.
    pub cluster: ClusterName,
    /// The application.
    pub application: ApplicationName,
    /// Which object.
    pub object: ObjectRef,
    /// When the hub last heard of the cluster, in one word.
    pub contact: Contact,
    /// Whether it is as it should be; the last that is known.
    pub sync: Sync,
    /// Whether it works; the last that is known.
    pub health: Health,
    /// Why not, in words.
    pub reason: String,
    /// When that was observed.
    pub observed_at: Option<Timestamp>,
    /// How old it is, in seconds.
    pub age_seconds: Option<u64>,
}

/// Lists the objects of one application on one cluster.
///
/// `manifest` is the application's in the cluster's *target*. Agents list only what is not current
/// or not healthy. An object that is not listed is therefore current and healthy, when the target is
/// applied and the list was not cut off; otherwise it is unknown. What is listed but no longer in
/// the manifest, such as a deletion that is held, is shown too.
pub fn objects(
    record: &ClusterRecord,
    application: &ApplicationName,
    manifest: &Manifest,
    bounds: &ContactBounds,
    now: Timestamp,
) -> Vec<ObjectView> {
    let reported = record.reported.as_ref();
    let section = reported.and_then(|reported| reported.applications.get(application));
    let listed: BTreeMap<&ObjectKey, &ObjectReport> = section
        .map(|section| section.report.objects.iter().map(|report| (&report.object, report)).collect())
        .unwrap_or_default();
    let is_applied = record.target.is_some() && reported.and_then(|reported| reported.applied) == record.target;
    let unlisted = match section {
        Some(section) if is_applied && section.report.objects.len() < REPORTED_OBJECTS_MAX => {
            (Sync::Current, Health::Healthy)
        }
        Some(_) | None => (Sync::Unknown, Health::Unknown),
    };
    let keys: BTreeSet<ObjectKey> = manifest.objects.iter().map(|entry| entry.key()).collect();
    let extra = listed.keys().filter(|key| !keys.contains(**key)).map(|key| (*key).clone()).collect::<Vec<_>>();
    let contact = record.contact(bounds, now);
    let row = Row { record, application, section, contact, now };
    keys.into_iter().chain(extra).map(|key| row.view(&key, listed.get(&key).copied(), unlisted)).collect()
}

struct Row<'a> {
    record: &'a ClusterRecord,
    application: &'a ApplicationName,
    section: Option<&'a Section>,
    contact: Contact,
    now: Timestamp,
}

impl Row<'_> {
    fn view(&self, key: &ObjectKey, report: Option<&ObjectReport>, unlisted: (Sync, Health)) -> ObjectView {
        let (sync, health) = report.map_or(unlisted, |report| (report.sync, report.health));
        let observed_at = self.section.map(|section| section.observed_at);
        ObjectView {
            cluster: self.record.name.clone(),
            application: self.application.clone(),
            object: ObjectRef::from(key),
            contact: self.contact,
            sync,
            health,
            reason: report.map(|report| report.reason.clone()).unwrap_or_default(),
            observed_at,
            age_seconds: observed_at.map(|observed| observed.age(self.now).as_secs()),
        }
    }
}

impl ObjectRef {
    /// The values of a field of the filter grammar, if it is one of an object.
    pub(super) fn values(&self, field: &str) -> Vec<String> {
        match field {
            "kind" => vec![self.kind.clone()],
            "apiGroup" => vec![self.group.clone()],
            "namespace" => self.namespace.iter().cloned().collect(),
            "object" => vec![self.name.clone()],
            _ => Vec::new(),
        }
    }
}

impl Filterable for ObjectView {
    const FIELDS: &'static [&'static str] =
        &["cluster", "application", "kind", "apiGroup", "namespace", "object", "contact", "sync", "health", "age"];
    const LABELLED: bool = true;

    fn values(&self, field: &str) -> Vec<String> {
        match field {
            "cluster" => vec![self.cluster.to_string()],
            "application" => vec![self.application.to_string()],
            "contact" => vec![self.contact.word().to_owned()],
            "sync" => vec![self.sync.word().to_owned()],
            "health" => vec![self.health.word().to_owned()],
            "age" => self.age_seconds.iter().map(u64::to_string).collect(),
            other => self.object.values(other),
        }
    }

    fn cluster(&self) -> Option<&ClusterName> {
        Some(&self.cluster)
    }
}
