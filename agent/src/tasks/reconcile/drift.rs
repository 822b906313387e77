//! Drift on its way through a plan: looked at, told (journalled) before it is healed, closed after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use skerry_agent_core::accept::AcceptedBundle;
use skerry_agent_core::drift::{Retaken, Sighting, deleted, our_projection};
use skerry_agent_core::inventory::{Applied, Record};
use skerry_agent_core::plan::{ChangeReason, CreateReason, Decision, Live, Plan, Planned, Why, Would};
use skerry_common::bundle::manifest::ExtraFields;
use skerry_common::error_chain::Chain;
use skerry_common::journal::{Drift, DriftKind, DriftOutcome, Event, FieldDrift};
use skerry_common::object::ObjectKey;
use tracing::{info, warn};

use super::hands::{Hands, Look};
use super::world::live_meta;
use super::{PassError, Reconciler};
use crate::cluster::Cluster;

/// Objects looked at at the same time.
const LOOKS_AT_ONCE: usize = 16;

/// What a plan's objects turned out to be.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// As they should be after all: nothing to do.
    same: BTreeSet<ObjectKey>,
    /// Objects whose drift this plan heals, and which fields.
    heals: BTreeMap<ObjectKey, Vec<FieldDrift>>,
    /// Objects whose drift is only reported; of one that is healed too, the additions that are kept.
    reports: BTreeSet<ObjectKey>,
    /// Objects that were applied or deleted.
    done: BTreeSet<ObjectKey>,
}

impl Told {
    /// Whether nothing is done to an object: it is as it should be, or only told of.
    pub(super) fn is_left(&self, key: &ObjectKey) -> bool {
        self.same.contains(key) || self.reports.contains(key) && !self.heals.contains_key(key)
    }

    /// Notes that an object was applied or deleted.
    pub(super) fn done(&mut self, key: &ObjectKey) {
        self.done.insert(key.clone());
    }

    /// How an open drift ended; `None` while it has not.
    fn outcome(&self, key: &ObjectKey, drift: &Drift, decision: Option<&Decision>) -> Option<DriftOutcome> {
        if self.reports.contains(key) && (!self.heals.contains_key(key) || drift.fields.iter().all(is_addition)) {
            return Some(DriftOutcome::Reported);
        }
        if self.done.contains(key) {
            let outcome = if self.heals.contains_key(key) { DriftOutcome::Healed } else { DriftOutcome::Gone };
            return Some(outcome);
        }
        match decision {
            // Healed by a process that was killed before it could say so.
            Some(Decision::Keep) => Some(DriftOutcome::Healed),
            Some(_) if self.same.contains(key) => Some(DriftOutcome::Gone),
            Some(_) => None,
            // Neither desired nor ours any more.
            None => Some(DriftOutcome::Gone),
        }
    }
}

fn is_addition(field: &FieldDrift) -> bool {
    field.kind == DriftKind::Added
}

/// What was seen to differ, in which version of an object.
struct Sight {
    uid: String,
    version: String,
    fields: Vec<FieldDrift>,
}

impl Sight {
    /// Fields of an object that is there.
    fn of(live: &serde_json::Value, fields: Vec<FieldDrift>) -> Self {
        let text =
            |pointer: &str| live.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        Self { uid: text("/metadata/uid"), version: text("/metadata/resourceVersion"), fields }
    }

    /// An object that is gone, as it was last known.
    fn gone(applied: &Applied) -> Self {
        Self { uid: applied.uid.clone(), version: applied.resource_version.clone(), fields: deleted() }
    }
}

/// Why an object is looked at.
enum Case {
    /// It is gone.
    Gone,
    /// It may differ.
    Differs,
}

/// Whether a decision is about drift, and whether it is healed.
fn case(planned: &Planned) -> Option<(Case, bool)> {
    match &planned.decision {
        Decision::Create { reason: CreateReason::Gone } => Some((Case::Gone, true)),
        Decision::Inspect { .. } => Some((Case::Differs, true)),
        Decision::Change { reasons, .. } => {
            let drifted = [ChangeReason::Drift, ChangeReason::Replaced].iter().any(|reason| reasons.contains(reason));
            let ours_alone = reasons.contains(&ChangeReason::Content) || reasons.contains(&ChangeReason::Adopt);
            (drifted && !ours_alone).then_some((Case::Differs, true))
        }
        Decision::Refused { why: Why::NotHealed { would } | Why::Observed { would } } => match would {
            Would::Create => Some((Case::Gone, false)),
            Would::Change => Some((Case::Differs, false)),
            Would::Prune | Would::Release => None,
        },
        Decision::Create { reason: CreateReason::New }
        | Decision::Keep
        | Decision::Prune { .. }
        | Decision::Release { .. }
        | Decision::Forget
        | Decision::Refused { .. }
        | Decision::Held { .. } => None,
    }
}

impl<C: Cluster> Reconciler<C> {
    /// Looks at everything that may have drifted and journals what did.
    pub(super) async fn tell_drift(
        &mut self,
        hands: &Arc<Hands<C>>,
        bundle: &AcceptedBundle,
        plan: &Plan,
    ) -> Result<Told, PassError> {
        let now = Instant::now();
        let mut told = Told::default();
        let mut looks = Vec::new();
        for planned in &plan.objects {
            let Some((case, heals)) = case(planned).filter(|_| !self.world.waits(now, planned)) else { continue };
            let Some(applied) = self.world.inventory.record(&planned.key).and_then(Record::applied).cloned() else {
                continue;
            };
            match case {
                Case::Gone => self.tell(planned, Sight::gone(&applied), heals, &mut told).await?,
                Case::Differs => looks.push((planned, applied, heals)),
            }
        }
        for (planned, applied, heals, look) in self.looks(hands, bundle, looks).await {
            match look {
                Ok(Look::Same { live }) => self.same(bundle, planned, &live, &mut told),
                Ok(Look::Gone) => self.tell(planned, Sight::gone(&applied), heals, &mut told).await?,
                Ok(Look::Differs { live, finding }) => {
                    let keeps = self.world.policy(bundle, &planned.application).extra_fields == ExtraFields::Keep;
                    if !finding.needs_apply() && keeps {
                        self.remember(bundle, planned, &live);
                    }
                    // What is kept is told apart from what is healed: each has an end of its own.
                    let apart = keeps && heals && finding.needs_apply();
                    let (added, changed): (Vec<_>, Vec<_>) =
                        finding.fields.into_iter().partition(|field| keeps && is_addition(field));
                    if !changed.is_empty() || apart || !keeps {
                        self.tell(planned, Sight::of(&live, changed), heals, &mut told).await?;
                    }
                    if !added.is_empty() {
                        self.tell(planned, Sight::of(&live, added), false, &mut told).await?;
                    }
                }
                Err(error) => {
                    warn!(object = %planned.key, error = %Chain(&error), "an object could not be looked at");
                    self.world.failed(now, &planned.key, Chain(&error).to_string(), error.class());
                }
            }
        }
        Ok(told)
    }

    async fn looks<'p>(
        &self,
        hands: &Arc<Hands<C>>,
        bundle: &AcceptedBundle,
        looks: Vec<(&'p Planned, Applied, bool)>,
    ) -> Vec<(&'p Planned, Applied, bool, Result<Look, super::hands::ObjectError>)> {
        let place = bundle.mark().place;
        let one = |(planned, applied, heals): (&'p Planned, Applied, bool)| {
            let policy = self.world.policy(bundle, &planned.application);
            let settled = self.world.additions_policy(&planned.key, place);
            let hands = hands.clone();
            async move {
                let Some(content) = &planned.content else { return None };
                let look = hands.look(planned, content, &applied, &policy, settled).await;
                Some((planned, applied, heals, look))
            }
        };
        let looks = futures::stream::iter(looks.into_iter().map(one).collect::<Vec<_>>());
        looks.buffer_unordered(LOOKS_AT_ONCE).filter_map(|look| async { look }).collect().await
    }

    /// Only the version moved: remember it.
    fn same(&mut self, bundle: &AcceptedBundle, planned: &Planned, live: &serde_json::Value, told: &mut Told) {
        self.remember(bundle, planned, live);
        self.world.book.clean(&planned.key);
        self.world.failures.remove(&planned.key);
        told.same.insert(planned.key.clone());
    }

    /// Our fields are right in this version: it need not be looked at again.
    fn remember(&mut self, bundle: &AcceptedBundle, planned: &Planned, live: &serde_json::Value) {
        let key = &planned.key;
        let meta = live_meta(&self.parts.me.fleet, key, live, true);
        if let Ok(projection) = our_projection(live)
            && let Some(change) =
                self.world.inventory.seen(key, &meta.resource_version, projection, bundle.mark().place)
        {
            self.world.inventory.apply(change);
        }
        self.world.saw(key, Live::Present(meta), None);
    }

    async fn tell(&mut self, planned: &Planned, sight: Sight, heals: bool, told: &mut Told) -> Result<(), PassError> {
        let key = &planned.key;
        let Sight { uid, version, fields } = sight;
        if let Sighting::Tell(news) = self.world.book.sight(key, &uid, &version, &fields)
            && !news.is_empty()
        {
            let drift = Drift {
                application: planned.application.clone(),
                object: key.clone(),
                uid,
                resource_version: version,
                fields: news,
            };
            info!(object = %key, fields = drift.fields.len(), "drift");
            let sequence = self.record(vec![Event::Drift(drift.clone())]).await?.first().copied().unwrap_or_default();
            self.world.book.opened(sequence, drift);
        }
        if heals {
            told.heals.insert(key.clone(), fields);
        } else {
            told.reports.insert(key.clone());
            if !told.heals.contains_key(key) {
                self.world.failures.remove(key);
            }
        }
        Ok(())
    }

    /// Counts retaken fields; a fight is journalled.
    async fn retake(&mut self, key: &ObjectKey, fields: &[FieldDrift]) -> Result<(), PassError> {
        let now = Instant::now();
        for field in fields {
            if let Retaken::Fight(event) = self.world.fights.retaken(now, key, field) {
                warn!(object = %key, field = field.path, manager = field.manager, "a fight over a field");
                self.record(vec![event]).await?;
            }
        }
        Ok(())
    }

    /// Closes the drifts that are over: healed, only reported, or gone by themselves. What a newer bundle or a
    /// failure kept from being healed stays open.
    pub(super) async fn close_drift(&mut self, plan: &Plan, told: Told) -> Result<(), PassError> {
        let events = self.world.book.close(|key, drift| told.outcome(key, drift, plan.decision(key)));
        if !events.is_empty() {
            self.record(events.clone()).await?;
        }
        for event in events {
            if let Event::DriftClosed { drift, outcome } = event {
                self.world.book.closed(drift, outcome);
            }
        }
        // What was retaken is known only now that it is done: a pause begins after it.
        for (key, fields) in told.heals.iter().filter(|(key, _)| told.done.contains(*key)) {
            self.retake(key, fields).await?;
        }
        let left = |key: &&ObjectKey| self.world.inventory.record(key).is_none();
        for key in told.done.iter().filter(left).cloned().collect::<Vec<_>>() {
            self.world.book.forget(&key);
        }
        Ok(())
    }
}
