//! What the hub knows of a cluster: registration, contact, and the report merged from its parts.

use std::collections::{BTreeMap, BTreeSet};

use skerry_common::diagnostic::Diagnostic;
use skerry_common::id::{ApplicationName, ClusterId, ClusterName, GroupName};
use skerry_common::report::{ApplicationReport, BundleMark, Condition, Facts, HeldPrune, StateReport};
use skerry_common::status::{Contact, ContactBounds};

use super::Timestamp;

/// Everything from which a cluster's view is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRecord {
    /// Its id.
    pub id: ClusterId,
    /// Its name.
    pub name: ClusterName,
    /// Its labels, those of its document included.
    pub labels: BTreeMap<String, String>,
    /// The groups that it belongs to.
    pub groups: BTreeSet<GroupName>,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// Shut out by an operator.
    pub revoked: bool,
    /// When anything was last heard of it.
    pub last_heard: Option<Timestamp>,
    /// The newest bundle that was signed for it.
    pub target: Option<BundleMark>,
    /// Why it refused the target.
    pub refused: Option<String>,
    /// Why what Git says now is not published for it.
    pub errors: Vec<Diagnostic>,
    /// What its agent said of itself.
    pub agent: Option<AgentInfo>,
    /// Facts of the cluster.
    pub facts: Facts,
    /// Its state, as far as it is known.
    pub reported: Option<Reported>,
}

/// What an agent said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentInfo {
    /// Version of its program.
    pub version: String,
    /// Version of the link.
    pub wire_version: u16,
    /// Bundle schemas that it reads.
    pub bundle_schemas: Vec<u32>,
    /// Version of its trust root.
    pub trust_version: u64,
}

/// A cluster's state, merged from its reports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reported {
    /// The bundle that is its target.
    pub current: Option<BundleMark>,
    /// The newest bundle that was applied whole.
    pub applied: Option<BundleMark>,
    /// How each application fares.
    pub applications: BTreeMap<ApplicationName, Section>,
    /// Conditions of the agent.
    pub conditions: Vec<Condition>,
    /// Deletions that wait for a person.
    pub held_prunes: Vec<HeldPrune>,
    /// When the last report arrived.
    pub received_at: Timestamp,
    /// Until when nothing changed: the agent was heard, and sees its cluster.
    pub unchanged_at: Option<Timestamp>,
}

/// How one application fares, and since when that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What the agent said.
    pub report: ApplicationReport,
    /// When it observed that: the hub's time of arrival less the age that the agent measured, or when it was last heard
    /// without telling a change.
    pub observed_at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
}

impl Reported {
    /// Merges a report: a full one replaces every section, another only those that it brings.
    pub fn take(&mut self, report: StateReport, now: Timestamp) {
        if report.full {
            self.applications.clear();
        }
        for name in &report.removed {
            self.applications.remove(name);
        }
        for section in report.applications {
            let observed_at = now.minus_ms(section.age_ms);
            let name = section.application.clone();
            self.applications.insert(name, Section { report: section, observed_at, received_at: now });
        }
        self.current = report.current;
        self.applied = report.applied;
        self.conditions = report.conditions;
        self.held_prunes = report.held_prunes;
        self.received_at = now;
    }

    /// Nothing has changed until then.
    pub fn confirm(&mut self, unchanged_at: Timestamp) {
        for section in self.applications.values_mut() {
            section.observed_at = section.observed_at.max(unchanged_at);
        }
        self.unchanged_at = self.unchanged_at.max(Some(unchanged_at));
    }

    /// When the oldest section was observed: what is said of the whole is no newer.
    pub fn observed_at(&self) -> Timestamp {
        let whole = self.unchanged_at.map_or(self.received_at, |unchanged| unchanged.max(self.received_at));
        self.applications.values().map(|section| section.observed_at).min().unwrap_or(whole)
    }
}

impl ClusterRecord {
    /// When the hub last heard of it, judged by the bounds.
    pub fn contact(&self, bounds: &ContactBounds, now: Timestamp) -> Contact {
        match self.last_heard {
            _ if self.revoked => Contact::Revoked,
            None => Contact::Pending,
            Some(heard) => bounds.judge(heard.age(now)),
        }
    }
}
