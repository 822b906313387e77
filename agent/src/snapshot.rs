//! What the reconciler says of itself, for reports, metrics and `skerry-agent status`.

use std::ops::Deref;
use std::time::Instant;

use serde::Serialize;
use skerry_agent_core::plan::Tally;
use skerry_agent_core::report;
use skerry_common::report::BundleMark;

/// The state of the cluster as the agent sees it: what hubs are told, and what stays here.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// What hubs are told.
    #[serde(flatten)]
    pub told: report::Snapshot,
    /// The target of the last plan; `None` until one was made.
    pub planned: Option<BundleMark>,
    /// What the last plan decided.
    pub tally: Tally,
    /// When this was so.
    #[serde(skip)]
    pub observed: Instant,
}

impl Snapshot {
    /// Nothing is known yet.
    pub fn empty() -> Self {
        let (told, tally) = (report::Snapshot::default(), Tally::default());
        Self { told, planned: None, tally, observed: Instant::now() }
    }

    /// Whether two snapshots say the same, but for the time.
    pub fn is_same(&self, other: &Self) -> bool {
        self.told == other.told && self.planned == other.planned && self.tally == other.tally
    }
}

/// Whoever reads a snapshot reads what is told.
impl Deref for Snapshot {
    type Target = report::Snapshot;

    fn deref(&self) -> &report::Snapshot {
        &self.told
    }
}
