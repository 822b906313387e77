//! Namespaces and definitions go only when everything in them is ours and goes too.

use std::collections::{BTreeMap, BTreeSet};

use skerry_common::object::ObjectKey;

use super::guard::HELD_EXAMPLES_MAX;
use super::order_of;
use crate::plan::decision::{Decision, Why};
use crate::plan::facts::{Contents, Inhabitant, PlanInputs};
use skerry_common::bundle::manifest::Order;

/// Refuses the deletion of a container that holds anything that would not go with it.
///
/// `decided` holds the decisions on everything that is deleted before it.
pub(super) fn check(
    inputs: &PlanInputs,
    key: &ObjectKey,
    decision: Decision,
    decided: &BTreeMap<&ObjectKey, Decision>,
) -> Decision {
    let is_prune = matches!(decision, Decision::Prune { .. });
    match order_of(key) {
        Order::Namespaces | Order::Definitions if is_prune => {
            refusal(inputs, key, decided).map_or(decision, |why| Decision::Refused { why })
        }
        Order::Namespaces | Order::Definitions | Order::Rest => decision,
    }
}

fn refusal(inputs: &PlanInputs, key: &ObjectKey, decided: &BTreeMap<&ObjectKey, Decision>) -> Option<Why> {
    if !inputs.discovery.is_complete() {
        return Some(Why::DiscoveryGap);
    }
    let inhabitants = match inputs.contents.get(key) {
        None => return Some(Why::ContentsUnknown { reason: "it was not looked at".to_owned() }),
        Some(Contents::Unknown { reason }) => return Some(Why::ContentsUnknown { reason: reason.clone() }),
        Some(Contents::Complete(inhabitants)) => inhabitants,
    };
    let staying = staying(inhabitants, decided);
    let examples = staying.iter().take(HELD_EXAMPLES_MAX).map(|object| object.key.clone()).collect();
    (!staying.is_empty()).then_some(Why::NotEmpty { objects: staying.len(), examples })
}

/// Those that are neither deleted by us, nor owned by something that is, nor a namespace's own.
fn staying<'a>(inhabitants: &'a [Inhabitant], decided: &BTreeMap<&ObjectKey, Decision>) -> Vec<&'a Inhabitant> {
    let goes = |object: &Inhabitant| match decided.get(&object.key) {
        Some(Decision::Prune { uid, .. }) => *uid == object.uid,
        Some(
            Decision::Create { .. }
            | Decision::Change { .. }
            | Decision::Inspect { .. }
            | Decision::Keep
            | Decision::Release { .. }
            | Decision::Forget
            | Decision::Refused { .. }
            | Decision::Held { .. },
        )
        | None => false,
    };
    let mut going: BTreeSet<&str> = BTreeSet::new();
    let mut rest: Vec<&Inhabitant> = Vec::new();
    for object in inhabitants {
        if goes(object) {
            going.insert(&object.uid);
        } else {
            rest.push(object);
        }
    }
    // Owners may stand behind what they own: repeat until nothing more goes. Each round takes at
    // least one object away, so it ends.
    loop {
        let is_owned = |object: &&Inhabitant| {
            !object.owners.is_empty() && object.owners.iter().all(|owner| going.contains(owner.as_str()))
        };
        let (owned, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(is_owned);
        rest = others;
        if owned.is_empty() {
            break;
        }
        going.extend(owned.iter().map(|object| object.uid.as_str()));
    }
    rest.retain(|object| !is_companion(&object.key) && !is_endpoints_of(object, inhabitants, &going));
    rest
}

/// Whether an object comes with every namespace, or is only a note about others.
pub fn is_companion(key: &ObjectKey) -> bool {
    matches!(
        (key.group.as_str(), key.kind.as_str(), key.name.as_str()),
        ("", "ServiceAccount", "default")
            | ("", "ConfigMap", "kube-root-ca.crt")
            | ("" | "events.k8s.io", "Event", _)
            | ("metrics.k8s.io", _, _)
    )
}

/// `Endpoints` name no owner: they are those of the service of the same name.
fn is_endpoints_of(object: &Inhabitant, all: &[Inhabitant], going: &BTreeSet<&str>) -> bool {
    object.key.group.is_empty()
        && object.key.kind == "Endpoints"
        && all.iter().any(|other| {
            other.key.group.is_empty()
                && other.key.kind == "Service"
                && other.key.name == object.key.name
                && going.contains(other.uid.as_str())
        })
}
