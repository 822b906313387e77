//! The plan: what is to be done with every object, and why.
//!
//! ```text
//! AcceptedBundle ─▶ desired (scope, namespace, twice) ─┐
//! inventory, live, discovery, contents, protected ─────┴▶ apply: create/change/inspect/keep/refused
//!                                                      └▶ prune: prune/release/forget/refused/held
//!                                                                └▶ order: steps
//! ```
//! [`plan`] is a function of facts already read; the same facts give the same plan. A plan is a
//! value with a JSON form: `skerry-agent diff` prints what the agent would execute. Afterwards only
//! [`Decision::Inspect`] is open, because the body of an object was not worth reading yet.
//!
//! What never happens here: a deletion decided on an object that could not be read, on a kind that
//! discovery could not show, on a namespace of which anything is unknown (DESIGN §4.10).

mod apply;
mod decision;
mod desired;
mod facts;
mod order;
mod protected;
mod prune;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use skerry_common::bundle::digest::{BlobRef, Digest};
use skerry_common::bundle::manifest::{Encoding, Order};
use skerry_common::id::ApplicationName;
use skerry_common::object::ObjectKey;
use skerry_common::report::{BundleMark, HeldPrune};

use crate::inventory::{Change, Origin, Record, State};

pub use decision::{ChangeReason, CreateReason, Decision, Guard, Why, Would};
pub use desired::{DEFAULT_NAMESPACE, DesiredSet, fingerprint};
pub use facts::{
    Contents, Discovery, Inhabitant, KindFacts, Live, LiveMeta, Phase, PlanInputs, Protection, Scope, Served,
};
pub use order::{Step, StepKind};
pub use protected::{Protected, RIGHTS, RIGHTS_PREFIX};
pub use prune::{HELD_EXAMPLES_MAX, MOST_OBJECTS_MIN, is_companion};

/// What is to be done to reach one bundle from one state of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The bundle that it reaches.
    pub target: BundleMark,
    /// Every object of the bundle and of the inventory, sorted by key.
    pub objects: Vec<Planned>,
    /// Deletions that wait for a person.
    pub held: Vec<HeldPrune>,
    /// What the inventory must hold *before* anything of this is executed.
    pub changes: Vec<Change>,
    /// Whether planning has to start again once the definitions are established: objects of kinds
    /// that they define are refused until then.
    pub followup: Followup,
}

/// Whether a plan leads all the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Followup {
    /// It does.
    None,
    /// Kinds that this bundle defines are not served yet: read discovery and plan again.
    PlanAgain,
}

/// One object of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// Which.
    pub key: ObjectKey,
    /// Group and version to use.
    pub api_version: String,
    /// Whose.
    pub application: ApplicationName,
    /// When it is applied; the other way round when it is deleted.
    pub order: Order,
    /// What is desired; `None` when it left.
    pub content: Option<Content>,
    /// What is to be done.
    pub decision: Decision,
}

/// What is desired of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// Its bytes.
    pub blob: BlobRef,
    /// How they are to be read.
    pub encoding: Encoding,
    /// What the inventory is to hold after it was applied.
    pub fingerprint: Digest,
}

/// How many objects are in which decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// To be created.
    pub create: u32,
    /// To be changed.
    pub change: u32,
    /// To be looked at.
    pub inspect: u32,
    /// As they should be.
    pub keep: u32,
    /// To be deleted or released.
    pub prune: u32,
    /// Refused.
    pub refused: u32,
    /// Held for a person.
    pub held: u32,
}

/// Plans. See the module's documentation.
pub fn plan(inputs: &PlanInputs) -> Plan {
    let desired = inputs.desired;
    let mut objects: Vec<Planned> = desired.objects.values().map(|object| apply::planned(inputs, object)).collect();
    objects.extend(desired.twice.iter().map(|(object, first)| apply::refused_twice(object, first)));
    let departed = prune::departed(inputs);
    objects.extend(departed.objects);
    objects.sort_by(|a, b| a.key.cmp(&b.key).then_with(|| a.application.cmp(&b.application)));
    let mut changes = departed.changes;
    changes.extend(policy_changes(inputs));
    changes.extend(intents(inputs, &objects));
    let waits =
        |object: &Planned| matches!(object.decision, Decision::Refused { why: Why::NotServed { defined_here: true } });
    let followup = if objects.iter().any(waits) { Followup::PlanAgain } else { Followup::None };
    Plan { target: inputs.bundle().mark(), objects, held: departed.held, changes, followup }
}

/// Policies are remembered for the day that an application has left and its manifest with it.
fn policy_changes(inputs: &PlanInputs) -> Vec<Change> {
    let manifests = inputs.bundle().manifests().iter();
    let news = manifests
        .filter(|manifest| inputs.inventory.policy(&manifest.application) != Some(&manifest.policy))
        .map(|manifest| Change::Policy(manifest.application.clone(), manifest.policy.clone()));
    let done = inputs
        .inventory
        .policies()
        .filter(|(name, _)| inputs.bundle().manifest(name).is_none() && inputs.inventory.count(name) == 0)
        .map(|(name, _)| Change::RemovePolicy(name.clone()));
    news.chain(done).collect()
}

/// What is about to be applied for the first time is in the inventory before it is in the cluster.
fn intents(inputs: &PlanInputs, objects: &[Planned]) -> Vec<Change> {
    let target = inputs.bundle().mark().place;
    let first_time = objects.iter().filter(|object| inputs.inventory.record(&object.key).is_none());
    let intend = first_time.filter_map(|object| {
        let origin = match &object.decision {
            Decision::Create { .. } => Origin::Made,
            Decision::Change { reasons, .. } if reasons.contains(&ChangeReason::Adopt) => {
                Origin::Adopted { in_bundle: target }
            }
            Decision::Change { .. } | Decision::Inspect { .. } => Origin::Made,
            Decision::Keep
            | Decision::Prune { .. }
            | Decision::Release { .. }
            | Decision::Forget
            | Decision::Refused { .. }
            | Decision::Held { .. } => return None,
        };
        let record = Record {
            api_version: object.api_version.clone(),
            application: object.application.clone(),
            first_seen: target,
            origin,
            state: State::Intended,
        };
        Some(Change::Put(object.key.clone(), record))
    });
    intend.collect()
}

impl Plan {
    /// What is to be executed, in order; steps without work are left out.
    pub fn steps(&self) -> Vec<Step<'_>> {
        order::steps(&self.objects)
    }

    /// Whether nothing needs to be asked of the API server.
    pub fn is_idle(&self) -> bool {
        self.steps().is_empty()
    }

    /// The decision on one object.
    pub fn decision(&self, key: &ObjectKey) -> Option<&Decision> {
        self.objects.iter().find(|object| object.key == *key).map(|object| &object.decision)
    }

    /// Counts the decisions.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for object in &self.objects {
            let slot = match &object.decision {
                Decision::Create { .. } => &mut tally.create,
                Decision::Change { .. } => &mut tally.change,
                Decision::Inspect { .. } => &mut tally.inspect,
                Decision::Keep => &mut tally.keep,
                Decision::Prune { .. } | Decision::Release { .. } | Decision::Forget => &mut tally.prune,
                Decision::Refused { .. } => &mut tally.refused,
                Decision::Held { .. } => &mut tally.held,
            };
            *slot = slot.saturating_add(1);
        }
        tally
    }
}
