//! What the agent says of its cluster, and which part of it the hub does not know yet.
//!
//! [`sections`] turns plan, failures, health and drift into one section per application; healthy
//! objects are counts, the others are listed, worst first and bounded. [`Teller`] sends only sections
//! that changed since the last report that the hub acknowledged, and all of them on a new connection.

mod teller;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;
use skerry_common::diagnostic::ErrorClass;
use skerry_common::id::ApplicationName;
use skerry_common::limits::REPORTED_OBJECTS_MAX;
use skerry_common::object::ObjectKey;
use skerry_common::report::{ApplicationReport, BundleMark, Condition, HeldPrune, ObjectReport};
use skerry_common::status::{Health, HealthCounts, Sync};

use crate::accept::AcceptedBundle;
use crate::drift::Book;
use crate::health::Judgement;
use crate::plan::{Decision, Plan, Planned, Why};

pub use teller::Teller;

/// What sections are made from.
#[derive(Debug, Clone, Copy)]
pub struct ReportInputs<'a> {
    /// The target.
    pub bundle: &'a AcceptedBundle,
    /// The plan that was carried out for it, as far as it went; `None` while there is none yet.
    pub plan: Option<&'a Plan>,
    /// The objects that could not be handled, and why.
    pub failures: &'a BTreeMap<&'a ObjectKey, &'a str>,
    /// Their health; unknown where it is missing.
    pub health: &'a BTreeMap<ObjectKey, Judgement>,
    /// Drifts.
    pub book: &'a Book,
}

/// All that is said of a cluster at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The target.
    pub current: Option<BundleMark>,
    /// The newest bundle that was applied whole.
    pub applied: Option<BundleMark>,
    /// One section per application, sorted by name.
    pub applications: Vec<ApplicationReport>,
    /// Conditions of the agent itself.
    pub conditions: Vec<Condition>,
    /// Deletions that wait for a person.
    pub held: Vec<HeldPrune>,
}

/// One section per application of the bundle, or of the plan while it prunes what left, sorted.
pub fn sections(inputs: &ReportInputs) -> Vec<ApplicationReport> {
    let mut sections: BTreeMap<&ApplicationName, ApplicationReport> = BTreeMap::new();
    for manifest in inputs.bundle.manifests() {
        sections.insert(&manifest.application, begin(inputs, &manifest.application));
    }
    let plan = inputs.plan.filter(|plan| plan.target == inputs.bundle.mark());
    for object in plan.into_iter().flat_map(|plan| &plan.objects) {
        let Some((sync, reason)) = sync_of(inputs, object) else { continue };
        let section = sections.entry(&object.application).or_insert_with(|| begin(inputs, &object.application));
        add(inputs, object, section, sync, reason);
    }
    for manifest in inputs.bundle.manifests().iter().filter(|manifest| manifest.policy.suspend) {
        if let Some(section) = sections.get_mut(&manifest.application).filter(|section| section.sync == Sync::Current) {
            section.sync = Sync::Held;
            "the application is suspended".clone_into(&mut section.reason);
        }
    }
    sections.into_values().map(finish).collect()
}

fn begin(inputs: &ReportInputs, application: &ApplicationName) -> ApplicationReport {
    let is_planned = inputs.plan.is_some_and(|plan| plan.target == inputs.bundle.mark());
    ApplicationReport {
        application: application.clone(),
        sync: if is_planned { Sync::Current } else { Sync::Rolling },
        reason: if is_planned { String::new() } else { "the bundle is not planned yet".to_owned() },
        health: Health::Healthy,
        counts: HealthCounts::default(),
        drift: u32::try_from(inputs.book.count(application)).unwrap_or(u32::MAX),
        objects: Vec::new(),
        age_ms: 0,
    }
}

fn add(inputs: &ReportInputs, object: &Planned, section: &mut ApplicationReport, sync: Sync, reason: String) {
    let judgement = inputs.health.get(&object.key);
    let health = judgement.map_or(Health::Unknown, |judgement| judgement.view);
    section.counts.add(health);
    if rank(sync) > rank(section.sync) {
        section.sync = sync;
        section.reason = format!("{}: {reason}", object.key);
    }
    if sync != Sync::Current || health != Health::Healthy {
        let why = judgement.map(|judgement| judgement.reason.clone()).unwrap_or_default();
        let reason = if reason.is_empty() { why } else { reason };
        section.objects.push(ObjectReport { object: object.key.clone(), sync, health, reason });
    }
}

fn finish(mut section: ApplicationReport) -> ApplicationReport {
    section.health = section.counts.worst();
    section.reason = skerry_common::limits::clip(&section.reason);
    let worst_first = |object: &ObjectReport| std::cmp::Reverse((rank(object.sync), object.health));
    section.objects.sort_by_key(worst_first);
    section.objects.truncate(REPORTED_OBJECTS_MAX);
    section
}

/// The worst first, for people: failed, held, rolling.
fn rank(sync: Sync) -> u8 {
    match sync {
        Sync::Current => 0,
        Sync::Unknown => 1,
        Sync::Rolling => 2,
        Sync::Held => 3,
        Sync::Failed => 4,
    }
}

/// How one object stands; `None` when it left and is gone.
fn sync_of(inputs: &ReportInputs, object: &Planned) -> Option<(Sync, String)> {
    if let Some(message) = inputs.failures.get(&object.key) {
        return Some((Sync::Failed, (*message).to_owned()));
    }
    let current = || (Sync::Current, String::new());
    match &object.decision {
        Decision::Keep => Some(current()),
        Decision::Held { guard, .. } => Some((Sync::Held, guard.to_string())),
        // Whether it really differs was found out by comparing, which the plan did not.
        Decision::Refused { why: Why::NotHealed { .. } } if !inputs.book.differs(&object.key) => Some(current()),
        Decision::Refused { why } => Some(match why.class() {
            ErrorClass::No => (Sync::Held, why.to_string()),
            ErrorClass::Retry => (Sync::Rolling, why.to_string()),
            ErrorClass::NeedsUser | ErrorClass::Bug => (Sync::Failed, why.to_string()),
        }),
        Decision::Create { .. }
        | Decision::Change { .. }
        | Decision::Inspect { .. }
        | Decision::Prune { .. }
        | Decision::Release { .. }
        | Decision::Forget => object.content.is_some().then(current),
    }
}
