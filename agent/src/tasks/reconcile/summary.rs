//! From the world to what is said of it; the core decides what that is.

use std::collections::BTreeMap;
use std::time::Instant;

use skerry_agent_core::plan::{Decision, Planned};
use skerry_agent_core::report::{self, ReportInputs, sections};
use skerry_common::diagnostic::ErrorClass;
use skerry_common::report::{CLUSTER_UNREADABLE, Condition};

use super::Reconciler;
use crate::cluster::Cluster;
use crate::snapshot::Snapshot;
use crate::tasks::lease::Standing;

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

impl<C: Cluster> Reconciler<C> {
    /// What is unusual about this agent.
    fn conditions(&self) -> Vec<Condition> {
        let condition = |kind: &str, reason: &str, message: String| {
            let message = skerry_common::limits::clip(&message);
            Condition { kind: kind.into(), status: true, reason: reason.into(), message }
        };
        let lease = match &*self.parts.lease.borrow() {
            Standing::Waits { holder } => Some(condition(
                "Waiting",
                "LeaseHeld",
                format!("another agent acts on this cluster: lease `skerry-agent` is held by `{holder}`"),
            )),
            Standing::Without { why } => Some(condition(
                "Unguarded",
                "LeaseUnusable",
                format!("nothing keeps a second agent from acting on this cluster: {why}"),
            )),
            Standing::Held { .. } | Standing::Unknown => None,
        };
        let troubles = self.troubles.borrow();
        let store = (!troubles.is_none()).then(|| condition("StoreFailing", troubles.reason(), troubles.message()));
        let unreadable = self.world.unreadable_because().map(|(subject, reason)| {
            condition(CLUSTER_UNREADABLE, "WatchFailed", format!("`{}` cannot be read: {reason}", subject.kind))
        });
        lease.into_iter().chain(store).chain(unreadable).collect()
    }

    /// What is said of the world now.
    pub(super) fn summary(&self) -> Snapshot {
        let current = self.bundle.as_ref().map(|bundle| bundle.mark());
        let plan = self.plan.as_deref().filter(|plan| Some(plan.target) == current);
        let failures = &self.world.failures;
        let failures: BTreeMap<_, _> = failures.iter().map(|(key, failure)| (key, failure.message.as_str())).collect();
        let inputs = |bundle| ReportInputs {
            bundle,
            plan,
            failures: &failures,
            health: &self.world.health,
            book: &self.world.book,
        };
        let told = report::Snapshot {
            current,
            applied: self.progress.applied,
            applications: self.bundle.as_ref().map(|bundle| sections(&inputs(bundle))).unwrap_or_default(),
            conditions: self.conditions(),
            held: plan.map(|plan| plan.held.clone()).unwrap_or_default(),
        };
        let planned = self.plan.as_ref().map(|plan| plan.target);
        Snapshot { told, planned, tally: plan.map(|plan| plan.tally()).unwrap_or_default(), observed: Instant::now() }
    }
}
