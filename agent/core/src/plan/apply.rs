//! Decisions on objects that are desired.

use std::collections::BTreeSet;

use skerry_common::bundle::manifest::{Policy, SyncMode};
use skerry_common::id::ApplicationName;

use super::decision::{ChangeReason, CreateReason, Decision, Why, Would};
use super::desired::Desired;
use super::facts::{Live, LiveMeta, Phase, PlanInputs, Served};
use super::{Content, Planned};
use crate::inventory::{Applied, Origin, Record};
use crate::marks::Ownership;

pub(super) fn planned(inputs: &PlanInputs, desired: &Desired) -> Planned {
    describe(desired, decide(inputs, desired))
}

pub(super) fn refused_twice(desired: &Desired, first: &ApplicationName) -> Planned {
    describe(desired, Decision::Refused { why: Why::Twice { application: first.clone() } })
}

fn describe(desired: &Desired, decision: Decision) -> Planned {
    let content =
        Content { blob: desired.entry.content, encoding: desired.entry.encoding, fingerprint: desired.fingerprint };
    Planned {
        key: desired.key.clone(),
        api_version: desired.entry.api_version.clone(),
        application: desired.application.clone(),
        order: desired.entry.order,
        content: Some(content),
        decision,
    }
}

fn decide(inputs: &PlanInputs, desired: &Desired) -> Decision {
    let refused = |why| Decision::Refused { why };
    if inputs.protected.covers(&desired.key) {
        return refused(Why::Protected);
    }
    match desired.served {
        Served::Yes(_) => {}
        Served::No => return refused(Why::NotServed { defined_here: inputs.desired.defines(&desired.key.group) }),
        Served::Gap => return refused(Why::DiscoveryGap),
    }
    let record = inputs.inventory.record(&desired.key);
    match inputs.live.get(&desired.key) {
        None => refused(Why::Unreadable { reason: "it was not looked at".to_owned() }),
        Some(Live::Unknown { reason }) => refused(Why::Unreadable { reason: reason.clone() }),
        Some(Live::Absent) => absent(desired, record),
        Some(Live::Present(live)) => present(inputs, desired, record, live),
    }
}

fn absent(desired: &Desired, record: Option<&Record>) -> Decision {
    let applied = record.and_then(Record::applied);
    let as_applied = applied.is_some_and(|applied| applied.fingerprint == desired.fingerprint);
    let reason = if applied.is_some() { CreateReason::Gone } else { CreateReason::New };
    if as_applied && !desired.policy.self_heal {
        return Decision::Refused { why: Why::NotHealed { would: Would::Create } };
    }
    observed(desired.policy, Would::Create).unwrap_or(Decision::Create { reason })
}

fn observed(policy: &Policy, would: Would) -> Option<Decision> {
    match policy.mode {
        SyncMode::Apply => None,
        SyncMode::Observe => Some(Decision::Refused { why: Why::Observed { would } }),
    }
}

fn present(inputs: &PlanInputs, desired: &Desired, record: Option<&Record>, live: &LiveMeta) -> Decision {
    if let Ownership::OtherFleet(fleet) = &live.ownership {
        return Decision::Refused { why: Why::OtherFleet { fleet: fleet.clone() } };
    }
    match live.phase {
        Phase::Live => {}
        Phase::Deleting => return Decision::Refused { why: Why::BeingDeleted },
    }
    let reasons = reasons(desired, record, live);
    if reasons.is_empty() {
        return unchanged(inputs, record, live);
    }
    let only_drift = reasons.iter().all(|reason| [ChangeReason::Drift, ChangeReason::Replaced].contains(reason));
    if only_drift && !desired.policy.self_heal {
        return Decision::Refused { why: Why::NotHealed { would: Would::Change } };
    }
    let change = Decision::Change { reasons, uid: live.uid.clone() };
    observed(desired.policy, Would::Change).unwrap_or(change)
}

/// All that speaks for applying an object that exists, as far as its metadata tells.
fn reasons(desired: &Desired, record: Option<&Record>, live: &LiveMeta) -> BTreeSet<ChangeReason> {
    let mut reasons = BTreeSet::new();
    let Some(record) = record else {
        reasons.insert(if live.ownership == Ownership::Ours { ChangeReason::Unrecorded } else { ChangeReason::Adopt });
        return reasons;
    };
    if record.application != *desired.application {
        reasons.insert(ChangeReason::Application);
    }
    let Some(applied) = record.applied() else {
        reasons.insert(ChangeReason::Unrecorded);
        return reasons;
    };
    if applied.fingerprint != desired.fingerprint {
        reasons.insert(ChangeReason::Content);
    }
    if applied.uid != live.uid {
        reasons.insert(ChangeReason::Replaced);
    }
    if live.projection.is_some_and(|projection| projection != applied.projection) {
        reasons.insert(ChangeReason::Drift);
    }
    reasons
}

/// Nothing speaks for applying it: kept when it is known to be untouched, looked at otherwise.
fn unchanged(inputs: &PlanInputs, record: Option<&Record>, live: &LiveMeta) -> Decision {
    let untouched = |applied: &Applied| applied.resource_version == live.resource_version;
    let settles =
        record.is_some_and(|record| record.origin != Origin::Made && record.is_settled(inputs.bundle().mark().place));
    // An adopted object that settles may still carry what people added before.
    if record.and_then(Record::applied).is_some_and(untouched) && !settles {
        Decision::Keep
    } else {
        Decision::Inspect { uid: live.uid.clone() }
    }
}
