//! Journal entries, as one line each.

use serde::{Deserialize, Serialize};
use skerry_common::id::{ApplicationName, ClusterName, Incarnation, Sequence};
use skerry_common::journal::{DriftKind, Event, JournalEntry};

use super::drift::outcome_word;
use super::{ObjectRef, Timestamp};
use crate::filter::Filterable;

/// Most fields that a line names; the drift's own view has all.
const FIELDS_NAMED_MAX: usize = 3;

/// Something that happened on a cluster, or to the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// The cluster; absent when it concerns none, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterName>,
    /// The life of the agent's journal; 0 for what the hub tells itself.
    pub incarnation: Incarnation,
    /// The place in it.
    pub sequence: Sequence,
    /// When it happened, by the agent's clock.
    pub at: Timestamp,
    /// When the hub learnt of it.
    pub received_at: Timestamp,
    /// What kind of thing, in CamelCase.
    pub kind: String,
    /// True when somebody should look.
    pub warning: bool,
    /// The application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationName>,
    /// The object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
    /// In words.
    pub message: String,
}

/// The parts of a line that depend on what happened.
struct Line {
    kind: &'static str,
    warning: bool,
    application: Option<ApplicationName>,
    object: Option<ObjectRef>,
    message: String,
}

/// Puts a journal entry into words.
pub fn event(
    cluster: &ClusterName,
    incarnation: Incarnation,
    entry: &JournalEntry,
    received_at: Timestamp,
) -> EventView {
    let Line { kind, warning, application, object, message } = line(&entry.event);
    EventView {
        cluster: Some(cluster.clone()),
        incarnation,
        sequence: entry.sequence,
        at: Timestamp(entry.at_unix_ms),
        received_at,
        kind: kind.to_owned(),
        warning,
        application,
        object,
        message,
    }
}

fn line(event: &Event) -> Line {
    let note = |kind, message: String| Line { kind, warning: false, application: None, object: None, message };
    let warn = |kind, message: String| Line { warning: true, ..note(kind, message) };
    match event {
        Event::Started { version } => note("Started", format!("agent {version} started")),
        Event::Accepted { place, .. } => note("Accepted", format!("generation {place} accepted")),
        Event::Refused { place, reason } => {
            let which = place.map_or_else(|| "a bundle".to_owned(), |place| format!("generation {place}"));
            warn("Refused", format!("{which} refused: {reason}"))
        }
        Event::Applied { place, created, changed, pruned, failed } => {
            let message = format!(
                "generation {place} applied: {created} created, {changed} changed, {pruned} pruned, {failed} failed"
            );
            Line { warning: *failed > 0, ..note("Applied", message) }
        }
        Event::ApplyFailed { application, object, message } => {
            Line { ..about(warn("ApplyFailed", message.clone()), Some(application), object) }
        }
        Event::Pruned { application, object } => {
            about(note("Pruned", "deleted: it left its application".to_owned()), Some(application), object)
        }
        Event::PruneHeld { objects, reason, .. } => {
            warn("PruneHeld", format!("a deletion of {objects} objects waits for a person: {reason}"))
        }
        Event::Drift(drift) => about(note("Drift", drift_message(drift)), Some(&drift.application), &drift.object),
        Event::DriftClosed { drift, outcome } => {
            note("DriftClosed", format!("drift {drift} {}", outcome_word(Some(*outcome))))
        }
        Event::Fight { object, field, manager } => {
            let message = format!("`{manager}` keeps changing `{field}`: healing backs off");
            about(warn("Fight", message), None, object)
        }
        Event::Adopted { object } => about(note("Adopted", "adopted: it existed before".to_owned()), None, object),
        Event::StoreRepaired { what } => warn("StoreRepaired", what.clone()),
        Event::Overflow { dropped } => {
            warn("Overflow", format!("the journal was full: {dropped} older entries are counted only"))
        }
    }
}

fn about(line: Line, application: Option<&ApplicationName>, object: &skerry_common::object::ObjectKey) -> Line {
    Line { application: application.cloned(), object: Some(ObjectRef::from(object)), ..line }
}

fn drift_message(drift: &skerry_common::journal::Drift) -> String {
    let mut parts: Vec<String> = Vec::new();
    for field in drift.fields.iter().take(FIELDS_NAMED_MAX) {
        let what = match field.kind {
            DriftKind::Changed => "changed",
            DriftKind::Removed => "removed",
            DriftKind::Added => "added",
            DriftKind::Deleted => "deleted",
        };
        let path = if field.path.is_empty() { "the object" } else { field.path.as_str() };
        let by = if field.manager.is_empty() { String::new() } else { format!(" by {}", field.manager) };
        parts.push(format!("{path} {what}{by}"));
    }
    let rest = drift.fields.len().saturating_sub(FIELDS_NAMED_MAX);
    if rest > 0 {
        parts.push(format!("and {rest} more"));
    }
    parts.join(", ")
}

impl Filterable for EventView {
    const FIELDS: &'static [&'static str] =
        &["cluster", "application", "event", "warning", "kind", "apiGroup", "namespace", "object"];
    const LABELLED: bool = true;

    fn values(&self, field: &str) -> Vec<String> {
        match field {
            "cluster" => self.cluster.iter().map(ClusterName::to_string).collect(),
            "application" => self.application.iter().map(ApplicationName::to_string).collect(),
            "event" => vec![self.kind.clone()],
            "warning" => vec![self.warning.to_string()],
            other => self.object.iter().flat_map(|object| object.values(other)).collect(),
        }
    }

    fn cluster(&self) -> Option<&ClusterName> {
        self.cluster.as_ref()
    }
}
