//! Drifts, folded from the journal: opened by one entry, closed by another.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skerry_common::id::{ApplicationName, ClusterName, Incarnation, Sequence};
use skerry_common::journal::{DriftKind, DriftOutcome, Event, JournalEntry};

use super::{ObjectRef, Timestamp};
use crate::filter::Filterable;

/// A difference between a live object and what is desired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftView {
    /// The cluster.
    pub cluster: ClusterName,
    /// The life of the agent's journal.
    pub incarnation: Incarnation,
    /// The entry that opened it: its id within the incarnation.
    pub sequence: Sequence,
    /// The application.
    pub application: ApplicationName,
    /// Which object.
    pub object: ObjectRef,
    /// Its uid.
    pub uid: String,
    /// Its resource version when it was seen.
    pub resource_version: String,
    /// What differs.
    pub fields: Vec<FieldView>,
    /// When it was seen, by the agent's clock.
    pub seen_at: Timestamp,
    /// How it ended; `None` while it is open.
    pub outcome: Option<DriftOutcome>,
    /// When it ended, by the agent's clock.
    pub closed_at: Option<Timestamp>,
}

/// What differs in one field. Values are never told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldView {
    /// JSON pointer; empty for the whole object.
    pub path: String,
    /// In which way.
    pub kind: DriftKind,
    /// Who did it; empty when nobody can be named.
    pub manager: String,
}

/// Folds the entries of one incarnation, in order. A drift whose opening entry was folded away by an
/// overflow is not listed; one that was never closed is open.
pub fn drifts<'a>(
    cluster: &ClusterName,
    incarnation: Incarnation,
    entries: impl IntoIterator<Item = &'a JournalEntry>,
) -> Vec<DriftView> {
    let mut views: BTreeMap<Sequence, DriftView> = BTreeMap::new();
    for entry in entries {
        if let Event::Drift(drift) = &entry.event {
            let field = |field: &skerry_common::journal::FieldDrift| FieldView {
                path: field.path.clone(),
                kind: field.kind,
                manager: field.manager.clone(),
            };
            let view = DriftView {
                cluster: cluster.clone(),
                incarnation,
                sequence: entry.sequence,
                application: drift.application.clone(),
                object: ObjectRef::from(&drift.object),
                uid: drift.uid.clone(),
                resource_version: drift.resource_version.clone(),
                fields: drift.fields.iter().map(field).collect(),
                seen_at: Timestamp(entry.at_unix_ms),
                outcome: None,
                closed_at: None,
            };
            views.insert(entry.sequence, view);
        } else if let Event::DriftClosed { drift, outcome } = &entry.event
            && let Some(view) = views.get_mut(drift)
        {
            view.outcome = Some(*outcome);
            view.closed_at = Some(Timestamp(entry.at_unix_ms));
        }
    }
    views.into_values().collect()
}

impl Filterable for DriftView {
    const FIELDS: &'static [&'static str] =
        &["cluster", "application", "kind", "apiGroup", "namespace", "object", "manager", "field", "outcome"];
    const LABELLED: bool = true;

    fn values(&self, field: &str) -> Vec<String> {
        match field {
            "cluster" => vec![self.cluster.to_string()],
            "application" => vec![self.application.to_string()],
            "manager" => self.fields.iter().map(|field| field.manager.clone()).collect(),
            "field" => self.fields.iter().map(|field| field.path.clone()).collect(),
            "outcome" => vec![outcome_word(self.outcome).to_owned()],
            other => self.object.values(other),
        }
    }

    fn cluster(&self) -> Option<&ClusterName> {
        Some(&self.cluster)
    }
}

/// The word for an outcome; `open` while there is none.
pub(super) fn outcome_word(outcome: Option<DriftOutcome>) -> &'static str {
    match outcome {
        None => "open",
        Some(DriftOutcome::Healed) => "healed",
        Some(DriftOutcome::Gone) => "gone",
        Some(DriftOutcome::Reported) => "reported",
    }
}
