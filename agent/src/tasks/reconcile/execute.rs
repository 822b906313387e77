//! Executes a plan: step by step, objects of a step at the same time, a newer target first.

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use skerry_agent_core::accept::AcceptedBundle;
use skerry_agent_core::drift::AdditionPolicy;
use skerry_agent_core::inventory::{Change, Origin, Record, State};
use skerry_agent_core::marks::Ownership;
use skerry_agent_core::plan::{ChangeReason, CreateReason, Decision, Live, Plan, Planned, StepKind};
use skerry_common::bundle::manifest::Policy;
use skerry_common::error_chain::Chain;
use skerry_common::id::Place;
use skerry_common::journal::Event;
use tracing::{debug, warn};

use super::hands::{Done, Existence, Hands, Manner, ObjectError};
use super::world::live_meta;
use super::{OnDisk, PassError, Reconciler};
use crate::cluster::{Cluster, Deleted};

/// Objects handled at the same time: beyond 32 requests at once, an API server on two cores gets no
/// faster, and its fairness queues begin to refuse.
const CONCURRENCY: usize = 32;

/// How long definitions may take to be established.
const ESTABLISHED_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// How often they are looked at meanwhile.
const ESTABLISHED_INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);

/// How far a plan was executed.
#[derive(Debug, Default)]
pub(super) struct Executed {
    /// Objects that wait, or were not begun because a newer target is there.
    pub(super) left: usize,
    /// Whether somebody else's object stood in the way, of which the plan did not know.
    pub(super) stood_in_the_way: bool,
}

/// What became of one object.
enum Outcome {
    Applied(Done),
    Taken(ObjectError),
    Deleted,
    Failed(ObjectError),
    /// Not begun: a newer target is there, or the lease is lost.
    Skipped,
}

impl<C: Cluster> Reconciler<C> {
    /// Executes a plan as far as it goes; what fails is noted and tried again later.
    pub(super) async fn execute(
        &mut self,
        hands: &Arc<Hands<C>>,
        bundle: &AcceptedBundle,
        plan: &Plan,
    ) -> Result<Executed, PassError> {
        self.note_plan(plan).await?;
        let mut executed = Executed::default();
        let mut told = self.tell_drift(hands, bundle, plan).await?;
        for step in plan.steps() {
            let now = Instant::now();
            let open = step.objects.iter().copied().filter(|planned| !told.is_left(&planned.key));
            let (waiting, work): (Vec<&Planned>, Vec<&Planned>) =
                open.partition(|planned| self.world.waits(now, planned) || !self.may_be_done(planned));
            executed.left += waiting.len();
            let outcomes = self.at_once(hands, bundle, step.kind, &work).await;
            let mut changes = Vec::new();
            for (planned, outcome) in work.iter().zip(outcomes) {
                match &outcome {
                    Outcome::Applied(_) | Outcome::Deleted => told.done(&planned.key),
                    Outcome::Taken(_) => executed.stood_in_the_way = true,
                    Outcome::Skipped => executed.left += 1,
                    Outcome::Failed(_) => {}
                }
                self.note(bundle.mark().place, planned, outcome, &mut changes).await?;
            }
            self.persist(changes).await?;
            if step.kind == StepKind::ApplyDefinitions {
                self.established(hands, &work).await;
            }
            if self.parts.target.has_changed().unwrap_or(true) {
                debug!("a newer bundle is there: this plan ends");
                break;
            }
        }
        self.close_drift(plan, told).await?;
        Ok(executed)
    }

    /// Whether what is done to an object needs no memory that is not durable: an object that was applied before may be
    /// healed at any time.
    fn may_be_done(&self, planned: &Planned) -> bool {
        // One that is new was never applied.
        let heals =
            matches!(planned.decision, Decision::Create { .. } | Decision::Change { .. } | Decision::Inspect { .. });
        let is_known = || self.world.inventory.record(&planned.key).is_some_and(|record| record.applied().is_some());
        self.inventory == OnDisk::AsHere || heals && is_known()
    }

    /// Handles the objects of one step at the same time; outcomes in the order of the objects.
    async fn at_once(
        &self,
        hands: &Arc<Hands<C>>,
        bundle: &AcceptedBundle,
        step: StepKind,
        work: &[&Planned],
    ) -> Vec<Outcome> {
        let place = bundle.mark().place;
        let one = |(index, planned): (usize, &Planned)| {
            let (hands, target, planned) = (hands.clone(), self.parts.target.clone(), planned.clone());
            let lease = self.parts.lease.clone();
            let policy = self.world.policy(bundle, &planned.application);
            let additions = self.world.additions_policy(&planned.key, place);
            async move {
                if target.has_changed().unwrap_or(true) || !lease.borrow().acts(Instant::now()) {
                    return (index, Outcome::Skipped);
                }
                let outcome = match step {
                    StepKind::ApplyNamespaces | StepKind::ApplyDefinitions | StepKind::ApplyRest => {
                        apply(&hands, &planned, &policy, additions).await
                    }
                    StepKind::PruneRest | StepKind::PruneDefinitions | StepKind::PruneNamespaces => {
                        remove(&hands, &planned).await
                    }
                };
                (index, outcome)
            }
        };
        let tasks = futures::stream::iter(work.iter().copied().enumerate().map(one).collect::<Vec<_>>());
        let mut outcomes: Vec<_> = tasks.buffer_unordered(CONCURRENCY).collect().await;
        outcomes.sort_by_key(|(index, _)| *index);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Takes up what became of one object.
    async fn note(
        &mut self,
        place: Place,
        planned: &Planned,
        outcome: Outcome,
        changes: &mut Vec<Change>,
    ) -> Result<(), PassError> {
        let key = &planned.key;
        match outcome {
            Outcome::Skipped => {}
            Outcome::Applied(done) => {
                self.world.failures.remove(key);
                self.count(planned, &done);
                let origin = self.origin(planned, &done, place);
                if origin != Origin::Made && self.world.inventory.record(key).is_none_or(|it| it.applied().is_none()) {
                    self.record(vec![Event::Adopted { object: key.clone() }]).await?;
                }
                changes.push(self.applied(place, planned, origin, &done));
            }
            Outcome::Deleted => {
                self.world.failures.remove(key);
                changes.push(Change::Remove(key.clone()));
                if matches!(planned.decision, Decision::Prune { .. }) {
                    self.progress.counts.pruned += 1;
                    let application = planned.application.clone();
                    self.record(vec![Event::Pruned { application, object: key.clone() }]).await?;
                }
            }
            Outcome::Taken(error) => {
                // Somebody else's object stands there: now that it is known, the plan can decide.
                debug!(object = %key, error = %Chain(&error), "the object exists already");
                changes.extend(self.look_at_stranger(planned).await);
            }
            Outcome::Failed(error) => self.failed(planned, &error).await?,
        }
        Ok(())
    }

    async fn failed(&mut self, planned: &Planned, error: &ObjectError) -> Result<(), PassError> {
        let message = Chain(error).to_string();
        let known = self.world.failures.get(&planned.key).is_some_and(|failure| failure.message == message);
        self.world.failed(Instant::now(), &planned.key, message.clone(), error.class());
        if known {
            return Ok(());
        }
        warn!(object = %planned.key, error = message, "an object could not be applied");
        let (application, object) = (planned.application.clone(), planned.key.clone());
        let message = skerry_common::limits::clip(&message);
        self.record(vec![Event::ApplyFailed { application, object, message }]).await.map(|_| ())
    }

    fn count(&mut self, planned: &Planned, done: &Done) {
        let counts = &mut self.progress.counts;
        match &planned.decision {
            Decision::Create { reason: CreateReason::New } if done.created => counts.created += 1,
            Decision::Create { reason: CreateReason::New } => counts.changed += 1,
            Decision::Change { reasons, .. } if reasons.contains(&ChangeReason::Content) => counts.changed += 1,
            Decision::Change { reasons, .. } if reasons.contains(&ChangeReason::Adopt) => counts.changed += 1,
            Decision::Create { .. }
            | Decision::Change { .. }
            | Decision::Inspect { .. }
            | Decision::Keep
            | Decision::Prune { .. }
            | Decision::Release { .. }
            | Decision::Forget
            | Decision::Refused { .. }
            | Decision::Held { .. } => {}
        }
    }

    fn origin(&self, planned: &Planned, done: &Done, place: Place) -> Origin {
        let first_time = self.world.inventory.record(&planned.key).is_none_or(|record| record.applied().is_none());
        let new = matches!(planned.decision, Decision::Create { reason: CreateReason::New });
        match self.world.inventory.record(&planned.key) {
            Some(record) if !(first_time && new && !done.created) => record.origin,
            Some(_) | None if first_time && !done.created => Origin::Adopted { in_bundle: place },
            Some(_) | None => Origin::Made,
        }
    }

    fn applied(&mut self, place: Place, planned: &Planned, origin: Origin, done: &Done) -> Change {
        let record = Record {
            api_version: planned.api_version.clone(),
            application: planned.application.clone(),
            first_seen: place,
            origin,
            state: State::Intended,
        };
        if origin != Origin::Made {
            // `Inventory::applied` keeps the origin that it knows.
            self.world.inventory.apply(Change::Put(planned.key.clone(), record.clone()));
        }
        let change = self.world.inventory.applied(&planned.key, record, done.applied.clone(), place);
        let meta = live_meta(&self.parts.me.fleet, &planned.key, &done.live, true);
        let judgement = skerry_agent_core::health::judge(&done.live, skerry_agent_core::health::Observed::AfterApply);
        self.world.saw(&planned.key, Live::Present(meta), Some(judgement));
        change
    }

    /// Reads what stands in the way of a create. Without our marks it was never applied by us, so
    /// the intent to make it goes: the next plan adopts it.
    async fn look_at_stranger(&mut self, planned: &Planned) -> Option<Change> {
        let hands = self.hands.clone()?;
        let live = match hands.read(&planned.key, &planned.api_version).await {
            Ok(Some(object)) => Live::Present(live_meta(&self.parts.me.fleet, &planned.key, &object, true)),
            Ok(None) => Live::Absent,
            Err(error) => Live::Unknown { reason: Chain(&error).to_string() },
        };
        let strange = matches!(&live, Live::Present(meta) if meta.ownership != Ownership::Ours);
        self.world.saw(&planned.key, live, None);
        // Not a failure: the plan is made again at once.
        self.discover_at.get_or_insert(Instant::now());
        strange.then(|| Change::Remove(planned.key.clone()))
    }

    /// Waits until definitions are established, so that objects of their kinds can follow.
    async fn established(&self, hands: &Arc<Hands<C>>, work: &[&Planned]) {
        let deadline = Instant::now() + ESTABLISHED_TIMEOUT;
        for planned in work {
            while Instant::now() < deadline && !self.parts.target.has_changed().unwrap_or(true) {
                match hands.read(&planned.key, &planned.api_version).await {
                    Ok(Some(definition)) if is_established(&definition) => break,
                    Ok(Some(_) | None) | Err(_) => tokio::time::sleep(ESTABLISHED_INTERVAL).await,
                }
            }
        }
    }

    /// Journals what a plan holds for a person, once per list.
    async fn note_plan(&mut self, plan: &Plan) -> Result<(), PassError> {
        let known: Vec<_> = self.plan.iter().flat_map(|plan| plan.held.iter().map(|held| held.list)).collect();
        let news = plan.held.iter().filter(|held| !known.contains(&held.list));
        let events: Vec<_> = news
            .map(|held| Event::PruneHeld { list: held.list, objects: held.objects, reason: held.reason.clone() })
            .collect();
        if events.is_empty() { Ok(()) } else { self.record(events).await.map(|_| ()) }
    }
}

fn is_established(definition: &serde_json::Value) -> bool {
    let conditions = definition.pointer("/status/conditions").and_then(serde_json::Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}

async fn apply<C: Cluster>(hands: &Hands<C>, planned: &Planned, policy: &Policy, additions: AdditionPolicy) -> Outcome {
    let Some(content) = &planned.content else { return Outcome::Skipped };
    let existence = match &planned.decision {
        Decision::Create { reason: CreateReason::New } => Existence::New,
        Decision::Create { reason: CreateReason::Gone }
        | Decision::Change { .. }
        | Decision::Inspect { .. }
        | Decision::Keep
        | Decision::Prune { .. }
        | Decision::Release { .. }
        | Decision::Forget
        | Decision::Refused { .. }
        | Decision::Held { .. } => Existence::Exists,
    };
    // An object that we adopt keeps what people added until its second bundle.
    let adopts =
        matches!(&planned.decision, Decision::Change { reasons, .. } if reasons.contains(&ChangeReason::Adopt));
    let additions = if adopts || existence == Existence::New { AdditionPolicy::Unsettled } else { additions };
    match hands.apply(planned, content, policy, Manner { existence, additions }).await {
        Ok(done) => Outcome::Applied(done),
        Err(error) if error.is_taken() && existence == Existence::New => Outcome::Taken(error),
        Err(error) => Outcome::Failed(error),
    }
}

async fn remove<C: Cluster>(hands: &Hands<C>, planned: &Planned) -> Outcome {
    let removed = match &planned.decision {
        Decision::Prune { uid, resource_version } => {
            hands.delete(planned, uid, resource_version).await.map(|deleted| match deleted {
                Deleted::AlreadyGone | Deleted::Started => Outcome::Deleted,
            })
        }
        Decision::Release { .. } => hands.release(planned).await.map(|()| Outcome::Deleted),
        Decision::Forget => Ok(Outcome::Deleted),
        Decision::Create { .. }
        | Decision::Change { .. }
        | Decision::Inspect { .. }
        | Decision::Keep
        | Decision::Refused { .. }
        | Decision::Held { .. } => Ok(Outcome::Skipped),
    };
    match removed {
        Ok(outcome) => outcome,
        Err(ObjectError::NotServed) => Outcome::Deleted,
        Err(error) => Outcome::Failed(error),
    }
}
