//! Decisions on objects that the inventory holds and the bundle does not (DESIGN §4.10).
//!
//! Three passes, each of which can only take away from what may be deleted: what the policy wants
//! of each object; whether it is too much at once; whether it is safe, object by object, containers
//! last.

mod container;
mod guard;

use std::collections::BTreeMap;

use skerry_common::bundle::manifest::{OnRemove, Order, SyncMode};
use skerry_common::id::ApplicationName;
use skerry_common::object::ObjectKey;
use skerry_common::report::HeldPrune;

use super::Planned;
use super::decision::{Decision, Why, Would};
use super::facts::{Live, LiveMeta, PlanInputs, Protection, Served};
use crate::inventory::{Change, Record};
use crate::marks::Ownership;

pub use container::is_companion;
pub use guard::{HELD_EXAMPLES_MAX, MOST_OBJECTS_MIN};

/// What becomes of the objects that left.
pub(super) struct Departed {
    pub(super) objects: Vec<Planned>,
    pub(super) held: Vec<HeldPrune>,
    pub(super) changes: Vec<Change>,
}

/// An object that left, and what its application wants of it.
pub(super) struct Candidate<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) record: &'a Record,
    pub(super) intent: Intent,
}

/// What is wanted of an object that left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intent {
    Delete,
    Release,
    Forget,
    Leave(Why),
}

pub(super) fn departed(inputs: &PlanInputs) -> Departed {
    let candidates: Vec<Candidate> = inputs
        .inventory
        .records()
        .filter(|(key, _)| !inputs.desired.wants(key))
        .map(|(key, record)| Candidate { key, record, intent: intent(inputs, key, record) })
        .collect();
    let guarded = guard::guard(inputs, &candidates);
    let mut decisions: BTreeMap<&ObjectKey, Decision> = BTreeMap::new();
    for order in [Order::Rest, Order::Definitions, Order::Namespaces] {
        for candidate in candidates.iter().filter(|candidate| order_of(candidate.key) == order) {
            let held = guarded.held.get(candidate.key).cloned();
            let decision = held.unwrap_or_else(|| decide(inputs, candidate));
            let decision = container::check(inputs, candidate.key, decision, &decisions);
            decisions.insert(candidate.key, decision);
        }
    }
    let objects =
        candidates.iter().filter_map(|candidate| Some(describe(candidate, decisions.remove(candidate.key)?))).collect();
    Departed { objects, held: guarded.reports, changes: guarded.changes }
}

pub(super) fn order_of(key: &ObjectKey) -> Order {
    Order::of(&key.group, &key.kind)
}

fn describe(candidate: &Candidate, decision: Decision) -> Planned {
    Planned {
        key: candidate.key.clone(),
        api_version: candidate.record.api_version.clone(),
        application: candidate.record.application.clone(),
        order: order_of(candidate.key),
        content: None,
        decision,
    }
}

/// What the policy of its application wants, before any look at how safe it is.
fn intent(inputs: &PlanInputs, key: &ObjectKey, record: &Record) -> Intent {
    if inputs.protected.covers(key) {
        return Intent::Leave(Why::Protected);
    }
    if is_gone(inputs, key) {
        return Intent::Forget;
    }
    let application: &ApplicationName = &record.application;
    let in_bundle = inputs.bundle().manifest(application).map(|manifest| &manifest.policy);
    let Some(policy) = in_bundle.or_else(|| inputs.inventory.policy(application)) else {
        return Intent::Leave(Why::PolicyUnknown);
    };
    let release = in_bundle.is_none() && policy.on_remove == OnRemove::Orphan;
    match policy.mode {
        SyncMode::Observe => {
            let would = if release { Would::Release } else { Would::Prune };
            Intent::Leave(Why::Observed { would })
        }
        SyncMode::Apply if release => Intent::Release,
        SyncMode::Apply if !policy.prune => Intent::Leave(Why::PruneOff),
        SyncMode::Apply => Intent::Delete,
    }
}

/// Gone for certain: looked up and not found, of a kind that is served; or of a kind that complete
/// discovery does not know, whose objects went with it.
fn is_gone(inputs: &PlanInputs, key: &ObjectKey) -> bool {
    match inputs.discovery.find(&key.group, &key.kind, None) {
        Served::Yes(_) => matches!(inputs.live.get(key), Some(Live::Absent)),
        Served::No => inputs.discovery.is_complete() && !inputs.discovery.kinds.is_empty(),
        Served::Gap => false,
    }
}

fn decide(inputs: &PlanInputs, candidate: &Candidate) -> Decision {
    let refused = |why| Decision::Refused { why };
    let delete = match &candidate.intent {
        Intent::Leave(why) => return refused(why.clone()),
        Intent::Forget => return Decision::Forget,
        Intent::Release => false,
        Intent::Delete => true,
    };
    let live = match readable(inputs, candidate.key) {
        Ok(live) => live,
        Err(why) => return refused(why),
    };
    if live.ownership != Ownership::Ours {
        // What was only intended and shows no marks was never applied.
        return if candidate.record.applied().is_some() { refused(Why::NotOurs) } else { Decision::Forget };
    }
    let (uid, resource_version) = (live.uid.clone(), live.resource_version.clone());
    match live.protection {
        Protection::PruneDisabled if delete => refused(Why::PruneDisabled),
        Protection::None | Protection::PruneDisabled if delete => Decision::Prune { uid, resource_version },
        Protection::None | Protection::PruneDisabled => Decision::Release { uid, resource_version },
    }
}

fn readable<'a>(inputs: &PlanInputs<'a>, key: &ObjectKey) -> Result<&'a LiveMeta, Why> {
    match inputs.discovery.find(&key.group, &key.kind, None) {
        Served::Yes(_) => {}
        Served::No | Served::Gap => return Err(Why::DiscoveryGap),
    }
    match inputs.live.get(key) {
        Some(Live::Present(live)) => Ok(live),
        Some(Live::Unknown { reason }) => Err(Why::Unreadable { reason: reason.clone() }),
        Some(Live::Absent) | None => Err(Why::Unreadable { reason: "it was not looked at".to_owned() }),
    }
}
