//! From the world to what is said of it.

use std::collections::BTreeMap;
use std::time::Instant;

use skerry_agent_core::plan::{Decision, Planned};
use skerry_common::diagnostic::ErrorClass;
use skerry_common::id::ApplicationName;
use skerry_common::limits::REPORTED_OBJECTS_MAX;
use skerry_common::report::{ApplicationReport, ObjectReport};
use skerry_common::status::{Health, HealthCounts, Sync};

use super::Reconciler;
use super::world::World;
use crate::cluster::Cluster;
use crate::snapshot::Snapshot;

/// Whether nothing is left to do about an object after its plan was executed.
pub(super) fn is_settled(planned: &Planned) -> bool {
    match &planned.decision {
        Decision::Refused { why } => why.class() == ErrorClass::No,
        Decision::Held { .. } => false,
        Decision::Create { .. }
        | Decision::Change { .. }
        | Decision::Inspect { .. }
        | Decision::Keep
        | Decision::Prune { .. }
        | Decision::Release { .. }
        | Decision::Forget => true,
    }
}

/// How one object stands, and why it is not current.
fn sync_of(world: &World, planned: &Planned) -> (Sync, String) {
    if let Some(failure) = world.failures.get(&planned.key) {
        return (Sync::Failed, failure.message.clone());
    }
    match &planned.decision {
        Decision::Refused { why } => match why.class() {
            ErrorClass::No if world.book.differs(&planned.key) => (Sync::Held, why.to_string()),
            ErrorClass::No => (Sync::Current, String::new()),
            ErrorClass::Retry => (Sync::Rolling, why.to_string()),
            ErrorClass::NeedsUser | ErrorClass::Bug => (Sync::Failed, why.to_string()),
        },
        Decision::Held { guard, .. } => (Sync::Held, guard.to_string()),
        Decision::Create { .. }
        | Decision::Change { .. }
        | Decision::Inspect { .. }
        | Decision::Keep
        | Decision::Prune { .. }
        | Decision::Release { .. }
        | Decision::Forget => (Sync::Current, String::new()),
    }
}

/// The worst of an application's objects, for people: failed before held before rolling.
fn rank(sync: Sync) -> u8 {
    match sync {
        Sync::Current => 0,
        Sync::Unknown => 1,
        Sync::Rolling => 2,
        Sync::Held => 3,
        Sync::Failed => 4,
    }
}

impl<C: Cluster> Reconciler<C> {
    /// What is said of the world now.
    pub(super) fn summary(&self) -> Snapshot {
        let current = self.bundle.as_ref().map(|bundle| bundle.mark());
        let planned = self.plan.as_ref().filter(|plan| Some(plan.target) == current);
        let mut sections: BTreeMap<&ApplicationName, ApplicationReport> = BTreeMap::new();
        for manifest in self.bundle.iter().flat_map(|bundle| bundle.manifests()) {
            sections.insert(&manifest.application, self.section(&manifest.application, planned.is_some()));
        }
        for object in planned.into_iter().flat_map(|plan| &plan.objects) {
            let section = sections.entry(&object.application);
            add(&self.world, object, section.or_insert_with(|| self.section(&object.application, true)));
        }
        let suspended = |name: &ApplicationName| {
            let manifest = self.bundle.as_ref().and_then(|bundle| bundle.manifest(name));
            manifest.is_some_and(|manifest| manifest.policy.suspend)
        };
        for (name, section) in &mut sections {
            if suspended(name) && section.sync == Sync::Current {
                section.sync = Sync::Held;
                "the application is suspended".clone_into(&mut section.reason);
            }
        }
        Snapshot {
            current,
            planned: self.plan.as_ref().map(|plan| plan.target),
            applied: self.progress.applied,
            applications: sections.into_values().collect(),
            conditions: Vec::new(),
            held: planned.map(|plan| plan.held.clone()).unwrap_or_default(),
            tally: planned.map(|plan| plan.tally()).unwrap_or_default(),
            observed: Instant::now(),
        }
    }

    fn section(&self, application: &ApplicationName, is_planned: bool) -> ApplicationReport {
        ApplicationReport {
            application: application.clone(),
            sync: if is_planned { Sync::Current } else { Sync::Rolling },
            reason: if is_planned { String::new() } else { "the new bundle is not planned yet".to_owned() },
            health: Health::Healthy,
            counts: HealthCounts::default(),
            drift: u32::try_from(self.world.book.count(application)).unwrap_or(u32::MAX),
            objects: Vec::new(),
            age_ms: 0,
        }
    }
}

fn add(world: &World, object: &Planned, section: &mut ApplicationReport) {
    let (sync, reason) = sync_of(world, object);
    let left = object.content.is_none() && sync == Sync::Current;
    if left {
        return; // pruned or released
    }
    let judgement = world.health.get(&object.key);
    let health = judgement.map_or(Health::Unknown, |judgement| judgement.view);
    section.counts.add(health);
    section.health = section.counts.worst();
    if rank(sync) > rank(section.sync) {
        section.sync = sync;
        section.reason.clone_from(&reason);
    }
    let noteworthy = sync != Sync::Current || health != Health::Healthy;
    if noteworthy && section.objects.len() < REPORTED_OBJECTS_MAX {
        let why = if reason.is_empty() { judgement.map(|it| it.reason.clone()).unwrap_or_default() } else { reason };
        section.objects.push(ObjectReport { object: object.key.clone(), sync, health, reason: why });
    }
}
