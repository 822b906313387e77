//! What the agent remembers of what happened, keyed by (incarnation, sequence).

use serde::{Deserialize, Serialize};

use crate::bundle::digest::Digest;
use crate::id::{ApplicationName, Place, Sequence};
use crate::object::ObjectKey;

/// One entry; its bytes on disk and on the link are a schema of their own (`wire::v1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// Place in this incarnation's journal.
    pub sequence: Sequence,
    /// Unix time in milliseconds by the agent's clock, for people; order is by sequence.
    pub at_unix_ms: i64,
    /// What happened.
    pub event: Event,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The agent's process began.
    Started {
        /// Version of the agent.
        version: String,
    },
    /// A bundle was accepted and is now the target.
    Accepted {
        /// Its place.
        place: Place,
        /// Its root.
        root: Digest,
    },
    /// A bundle was refused; the last good one stays in force.
    Refused {
        /// The place that it claimed.
        place: Option<Place>,
        /// Why.
        reason: String,
    },
    /// Every object of a bundle was applied.
    Applied {
        /// Its place.
        place: Place,
        /// Objects created.
        created: u32,
        /// Objects changed.
        changed: u32,
        /// Objects pruned.
        pruned: u32,
        /// Objects that could not be applied.
        failed: u32,
    },
    /// An object could not be applied.
    ApplyFailed {
        /// Whose object.
        application: ApplicationName,
        /// Which.
        object: ObjectKey,
        /// What the API server said.
        message: String,
    },
    /// An object was deleted because it left its application.
    Pruned {
        /// Whose object.
        application: ApplicationName,
        /// Which.
        object: ObjectKey,
    },
    /// A guard holds a deletion.
    PruneHeld {
        /// Digest of the held list, for the confirmation.
        list: Digest,
        /// How many objects.
        objects: u32,
        /// Which guard, in words.
        reason: String,
    },
    /// A live object differs from what is desired. Written before it is healed.
    Drift(Drift),
    /// A drift is over.
    DriftClosed {
        /// Its id: the sequence of the entry that opened it.
        drift: Sequence,
        /// How.
        outcome: DriftOutcome,
    },
    /// The same field was retaken too often: healing backs off.
    Fight {
        /// Which object.
        object: ObjectKey,
        /// Which field.
        field: String,
        /// Who sets it.
        manager: String,
    },
    /// An object that existed without our marks is ours from now on.
    Adopted {
        /// Which object.
        object: ObjectKey,
    },
    /// A file of the store was damaged, and what was done about it.
    StoreRepaired {
        /// Which file and what was done, in words.
        what: String,
    },
    /// The journal was full: older entries were folded into counts.
    Overflow {
        /// How many entries are gone.
        dropped: u64,
    },
}

/// A difference between a live object and what is desired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// Whose object.
    pub application: ApplicationName,
    /// Which.
    pub object: ObjectKey,
    /// Its uid; of the last one seen if it is gone.
    pub uid: String,
    /// Its resource version when the drift was seen; of the last one seen if it is gone.
    pub resource_version: String,
    /// What differs; bounded.
    pub fields: Vec<FieldDrift>,
}

/// What differs in one field. Values are never told: a field may be a secret's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldDrift {
    /// JSON pointer; empty for the whole object.
    pub path: String,
    /// In which way.
    pub kind: DriftKind,
    /// Who did it, by `managedFields`; empty when nobody can be named.
    pub manager: String,
}

/// In which way live differs from desired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftKind {
    /// A field that we own has another value.
    Changed,
    /// A field that we own is gone.
    Removed,
    /// A person added a field to an object of ours.
    Added,
    /// The object is gone.
    Deleted,
}

/// How a drift ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftOutcome {
    /// We put it right.
    Healed,
    /// Somebody else put it right, or a newer bundle made it what is desired.
    Gone,
    /// Only reported: the application is observed or does not heal itself.
    Reported,
}
