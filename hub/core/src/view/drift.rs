//! Drifts: opened by one entry of the journal, closed by another.

use serde::{Deserialize, Serialize};
use skerry_common::id::{ApplicationName, ClusterName, Incarnation, Sequence};
use skerry_common::journal::{DriftKind, DriftOutcome};
use skerry_common::status::Contact;

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
    /// When the hub last heard of the cluster, in one word.
    pub contact: Contact,
    /// When the application was observed last: whether the drift is open is known as of then.
    pub observed_at: Option<Timestamp>,
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

impl Filterable for DriftView {
    const FIELDS: &'static [&'static str] = &[
        "cluster",
        "application",
        "kind",
        "apiGroup",
        "namespace",
        "object",
        "manager",
        "field",
        "outcome",
        "contact",
    ];
    const LABELLED: bool = true;

    fn values(&self, field: &str) -> Vec<String> {
        match field {
            "cluster" => vec![self.cluster.to_string()],
            "application" => vec![self.application.to_string()],
            "manager" => self.fields.iter().map(|field| field.manager.clone()).collect(),
            "field" => self.fields.iter().map(|field| field.path.clone()).collect(),
            "contact" => vec![self.contact.word().to_owned()],
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
