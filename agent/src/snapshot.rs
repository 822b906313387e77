//! What the reconciler says of itself, for reports, metrics and `skerry-agent status`.

use std::time::Instant;

use serde::Serialize;
use skerry_agent_core::plan::Tally;
use skerry_common::report::{ApplicationReport, BundleMark, Condition, HeldPrune, StateReport};

/// The state of the cluster as the agent sees it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The target.
    pub current: Option<BundleMark>,
    /// The target of the last plan; `None` until one was made.
    pub planned: Option<BundleMark>,
    /// The newest target that was applied whole.
    pub applied: Option<BundleMark>,
    /// How its applications fare.
    pub applications: Vec<ApplicationReport>,
    /// Conditions of the agent itself.
    pub conditions: Vec<Condition>,
    /// Deletions that wait for a person.
    pub held: Vec<HeldPrune>,
    /// What the last plan decided.
    pub tally: Tally,
    /// When this was so.
    #[serde(skip)]
    pub observed: Instant,
}

impl Snapshot {
    /// Nothing is known yet.
    pub fn empty() -> Self {
        Self {
            current: None,
            planned: None,
            applied: None,
            applications: Vec::new(),
            conditions: Vec::new(),
            held: Vec::new(),
            tally: Tally::default(),
            observed: Instant::now(),
        }
    }

    /// Whether two snapshots say the same, but for the time.
    pub fn is_same(&self, other: &Self) -> bool {
        self.current == other.current
            && self.planned == other.planned
            && self.applied == other.applied
            && self.applications == other.applications
            && self.conditions == other.conditions
            && self.held == other.held
            && self.tally == other.tally
    }

    /// The report of what changed since `told` (everything when there is none).
    pub fn report(&self, version: u64, told: Option<&Self>) -> StateReport {
        let age_ms = u64::try_from(self.observed.elapsed().as_millis()).unwrap_or(u64::MAX);
        let is_news =
            |application: &&ApplicationReport| told.is_none_or(|told| !told.applications.contains(application));
        let applications = self.applications.iter().filter(is_news);
        let gone = told.map(|told| &told.applications).into_iter().flatten().filter(|before| {
            !self.applications.iter().any(|application| application.application == before.application)
        });
        StateReport {
            version,
            full: told.is_none(),
            current: self.current,
            applied: self.applied,
            applications: applications.map(|it| ApplicationReport { age_ms, ..it.clone() }).collect(),
            removed: gone.map(|before| before.application.clone()).collect(),
            conditions: self.conditions.clone(),
            held_prunes: self.held.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skerry_common::id::ApplicationName;
    use skerry_common::status::{Health, HealthCounts, Sync};

    fn section(name: &str, health: Health) -> ApplicationReport {
        ApplicationReport {
            application: ApplicationName::parse(name).expect("a name"),
            sync: Sync::Current,
            reason: String::new(),
            health,
            counts: HealthCounts::default(),
            drift: 0,
            objects: Vec::new(),
            age_ms: 0,
        }
    }

    fn names(report: &StateReport) -> Vec<&str> {
        report.applications.iter().map(|section| section.application.as_str()).collect()
    }

    #[test]
    fn only_changed_sections_travel() {
        let applications = vec![section("a", Health::Healthy), section("b", Health::Healthy)];
        let first = Snapshot { applications, ..Snapshot::empty() };
        let full = first.report(1, None);
        assert!(full.full);
        assert_eq!(names(&full), ["a", "b"]);
        let applications = vec![section("b", Health::Degraded)];
        let second = Snapshot { applications, ..Snapshot::empty() };
        let changes = second.report(2, Some(&first));
        assert_eq!((changes.full, names(&changes)), (false, vec!["b"]));
        assert_eq!(changes.removed, [ApplicationName::parse("a").expect("a name")]);
        assert!(second.report(3, Some(&second)).applications.is_empty());
    }
}
