//! Why an object on a cluster is as it is: which commit, file, line and step set each field, which
//! bundle brought it there, and what holds it back.

use serde::{Deserialize, Serialize};
use skerry_common::bundle::manifest::{Policy, SyncMode};
use skerry_common::bundle::root::SourceRevision;
use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_common::id::{ApplicationName, ClusterName};
use skerry_common::object::ObjectKey;
use skerry_common::status::{Contact, ContactBounds, Sync};
use skerry_render::{Explained, SetBy};

use super::{BundleView, ClusterRecord, ObjectRef, ObjectView, Timestamp};

/// Most fields of one answer: the largest definitions have some thousand, and nobody reads them all.
pub const FIELDS_MAX: usize = 1_000;

/// Most earlier settings of one field: a handful of overlays over each other.
const OVERRODE_MAX: usize = 16;

/// Longest value that is shown, in characters.
const VALUE_MAX: usize = 200;

/// Why an object is as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WhyView {
    /// When this was said.
    pub generated_at: Timestamp,
    /// The cluster.
    pub cluster: ClusterName,
    /// The application.
    pub application: ApplicationName,
    /// Which object.
    pub object: ObjectRef,
    /// The newest bundle of the cluster, which lists it.
    pub bundle: BundleView,
    /// The bundle that brought it as it is now.
    pub since: SinceView,
    /// Whether it is as it should be; the last that is known.
    pub sync: Sync,
    /// When that was observed.
    pub observed_at: Option<Timestamp>,
    /// What keeps it from being, or staying, what Git says; empty when nothing does.
    pub held_back: Vec<String>,
    /// The commit that files and lines are of; absent when its fields are not explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRevision>,
    /// Its fields, in the order of the object.
    pub fields: Vec<WhyField>,
    /// How many fields are left out.
    pub fields_left_out: u32,
    /// Why its fields are not explained; absent when they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_explained: Option<String>,
}

/// The first of the cluster's bundles, of those still kept, from which on an object is as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SinceView {
    /// Which bundle.
    pub bundle: BundleView,
    /// When it was published.
    pub published_at: Timestamp,
    /// What its application was made of.
    pub sources: Vec<SourceRevision>,
    /// Whether earlier bundles, which are no longer kept, may have had it too.
    pub or_earlier: bool,
}

/// How a field came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WhyField {
    /// Where it is, such as `/spec/replicas`.
    pub field: String,
    /// What set it.
    pub set_by: WhySetting,
    /// What had set it before, the latest first.
    pub overrode: Vec<WhySetting>,
}

/// One setting of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WhySetting {
    /// The step: `Resource` for what a file says, else what changed it.
    pub step: String,
    /// File and line.
    #[serde(default, skip_serializing_if = "Location::is_empty")]
    pub at: Location,
    /// The value, cut short when it is long; never that of a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Cuts what is explained to what one answer may hold; gives how many fields are left out.
pub fn fields(explained: Explained) -> (Vec<WhyField>, u32) {
    let left_out = explained.fields.len().saturating_sub(FIELDS_MAX);
    let fields = explained.fields.into_iter().take(FIELDS_MAX).map(|field| WhyField {
        field: field.field,
        set_by: setting(field.set_by),
        overrode: field.overrode.into_iter().take(OVERRODE_MAX).map(setting).collect(),
    });
    (fields.collect(), u32::try_from(left_out).unwrap_or(u32::MAX))
}

fn setting(by: SetBy) -> WhySetting {
    let cut = |value: String| match value.char_indices().nth(VALUE_MAX) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value,
    };
    WhySetting { step: by.step, at: by.at, value: by.value.map(cut) }
}

/// What decides whether an object is, or stays, what Git says.
#[derive(Debug, Clone, Copy)]
pub struct Holding<'a> {
    /// Its cluster.
    pub record: &'a ClusterRecord,
    /// How its application is treated.
    pub policy: &'a Policy,
    /// How it fares.
    pub object: &'a ObjectView,
    /// Its key.
    pub key: &'a ObjectKey,
    /// The field that is asked for; everything when empty.
    pub field: &'a str,
    /// When a silent cluster is late and offline.
    pub bounds: &'a ContactBounds,
    /// Now.
    pub now: Timestamp,
}

/// Everything that holds an object back, each with what can be done, what comes first in time first.
pub fn held_back(holding: &Holding<'_>) -> Vec<String> {
    let Holding { record, policy, object, .. } = *holding;
    let application = &object.application;
    let mut found = Vec::new();
    for error in record.errors.iter().filter(|error| Diagnostic::is_error(error)) {
        let place = if error.location.is_empty() { String::new() } else { format!(" ({})", error.location) };
        found.push(format!("what Git says now is not published: {}{place}", error.message));
    }
    if policy.suspend {
        found.push(format!("application {application} is suspended: it keeps what it had"));
    }
    found.extend(silence(holding));
    found.extend(behind(record));
    if policy.mode == SyncMode::Observe {
        found.push(format!("application {application} only observes: nothing is written"));
    }
    let reported = record.reported.iter().flat_map(|reported| &reported.held_prunes);
    for held in reported.filter(|held| held.application == *application) {
        let next = format!("skerry cluster confirm-prune {} --list {}", record.name, held.list);
        found.push(format!("a deletion of {} objects waits: {}; {next}", held.objects, held.reason));
    }
    if matches!(object.sync, Sync::Held | Sync::Failed) && !object.reason.is_empty() {
        found.push(object.reason.clone());
    }
    found.extend(ignored(holding));
    found
}

fn silence(holding: &Holding<'_>) -> Option<String> {
    let record = holding.record;
    let heard = record.last_heard.map(|heard| format!(", last heard of at {heard}")).unwrap_or_default();
    match record.contact(holding.bounds, holding.now) {
        Contact::Connected => None,
        Contact::Pending => Some("the cluster was never heard of: it has not joined yet".to_owned()),
        Contact::Revoked => Some("the cluster is revoked: it gets nothing any more".to_owned()),
        late @ (Contact::Late | Contact::Offline) => {
            Some(format!("the cluster is {late}{heard}: what it had then stays in force"))
        }
    }
}

fn behind(record: &ClusterRecord) -> Option<String> {
    let target = record.target?;
    if let Some(reason) = &record.refused {
        return Some(format!("the agent refused generation {}: {reason}", target.place.generation.0));
    }
    let applied = record.reported.as_ref().and_then(|reported| reported.applied);
    match applied {
        Some(applied) if applied == target => None,
        Some(applied) => Some(format!(
            "generation {} is not applied yet; the cluster has generation {}",
            target.place.generation.0, applied.place.generation.0
        )),
        None => Some(format!("generation {} is not applied yet", target.place.generation.0)),
    }
}

/// Fields that stay what they are on the cluster.
fn ignored<'a>(holding: &'a Holding<'_>) -> impl Iterator<Item = String> + 'a {
    let rules = holding.policy.ignore.iter().filter(|rule| rule.matches(holding.key));
    let concerns = |field: &&String| {
        let below = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        below(field, holding.field.trim_end_matches('/')) || below(holding.field, field)
    };
    let fields = rules.flat_map(|rule| &rule.fields).filter(concerns);
    fields.map(|field| format!("`{field}` is ignored (`sync.ignore`): what the cluster makes of it stays"))
}
