//! Drifts, as the journal has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skerry_common::id::{ApplicationName, Sequence};
use skerry_common::journal::{DriftOutcome, Event, FieldDrift, JournalEntry};
use skerry_common::object::ObjectKey;

/// One drift: what, where, who, when, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftLine {
    /// Its place in the journal.
    pub sequence: Sequence,
    /// When it was seen.
    pub at_unix_ms: i64,
    /// Whose object.
    pub application: ApplicationName,
    /// Which.
    pub object: ObjectKey,
    /// What differed, and who did it.
    pub fields: Vec<FieldDrift>,
    /// How it ended; `None` while it is open.
    pub outcome: Option<DriftOutcome>,
}

/// The drifts of a journal, oldest first. What a hub has taken is in the hub.
pub fn drifts<'a>(entries: impl Iterator<Item = &'a JournalEntry>) -> Vec<DriftLine> {
    let mut lines: BTreeMap<Sequence, DriftLine> = BTreeMap::new();
    for entry in entries {
        if let Event::Drift(drift) = &entry.event {
            let line = DriftLine {
                sequence: entry.sequence,
                at_unix_ms: entry.at_unix_ms,
                application: drift.application.clone(),
                object: drift.object.clone(),
                fields: drift.fields.clone(),
                outcome: None,
            };
            lines.insert(entry.sequence, line);
        }
        if let Event::DriftClosed { drift, outcome } = &entry.event
            && let Some(line) = lines.get_mut(drift)
        {
            line.outcome = Some(*outcome);
        }
    }
    lines.into_values().collect()
}
