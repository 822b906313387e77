//! Which sections the hub does not know yet.

use std::collections::BTreeMap;

use skerry_common::id::ApplicationName;
use skerry_common::report::{ApplicationReport, StateReport};

use super::Snapshot;

/// What was told on one connection, and what was acknowledged. A new connection gets a new one.
///
/// One report is under way at a time; what changes meanwhile is told by the next, so a slow link
/// carries the newest state and never a queue of old ones.
#[derive(Debug, Clone, Default)]
pub struct Teller {
    version: u64,
    /// The last snapshot that the hub acknowledged; `None`: the next report is full.
    acknowledged: Option<Snapshot>,
    /// The report under way.
    sent: Option<(u64, Snapshot)>,
}

impl Teller {
    /// The next report of `now`, if there is news and nothing is under way; `age_ms` is how long ago
    /// the snapshot was observed, by the monotonic clock.
    pub fn next(&mut self, now: &Snapshot, age_ms: u64) -> Option<StateReport> {
        if self.sent.is_some() || self.acknowledged.as_ref() == Some(now) {
            return None;
        }
        self.version += 1;
        let report = difference(self.version, self.acknowledged.as_ref(), now, age_ms);
        self.sent = Some((self.version, now.clone()));
        Some(report)
    }

    /// The hub took every report up to `version`.
    pub fn acknowledged(&mut self, version: u64) {
        if let Some((_, snapshot)) = self.sent.take_if(|(sent, _)| *sent <= version) {
            self.acknowledged = Some(snapshot);
        }
    }

    /// Whether a report waits to be acknowledged.
    pub fn is_waiting(&self) -> bool {
        self.sent.is_some()
    }
}

fn difference(version: u64, told: Option<&Snapshot>, now: &Snapshot, age_ms: u64) -> StateReport {
    let by_name = |snapshot: &Snapshot| -> BTreeMap<ApplicationName, ApplicationReport> {
        snapshot.applications.iter().map(|section| (section.application.clone(), section.clone())).collect()
    };
    let known = told.map(by_name).unwrap_or_default();
    let changed = now.applications.iter().filter(|section| known.get(&section.application) != Some(section));
    let present = by_name(now);
    StateReport {
        version,
        full: told.is_none(),
        current: now.current,
        applied: now.applied,
        applications: changed.map(|section| ApplicationReport { age_ms, ..section.clone() }).collect(),
        removed: known.into_keys().filter(|name| !present.contains_key(name)).collect(),
        conditions: now.conditions.clone(),
        held_prunes: now.held.clone(),
    }
}
