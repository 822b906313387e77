//! Progress: one plan, carried out step by step.
//!
//! A state machine in the form of `handle` / `poll_output` / `next_deadline`; the shell executes what
//! comes out and says how it ended.
//!
//! ```text
//! Idle ──start──▶ Running ──all steps through──▶ Idle, Output::Finished
//!                    └─────pre-empt, what runs ends──▶ Idle, Output::Preempted
//! ```
//! Inside a step at most [`RUNNING_MAX`] objects are handled at once; the next step begins when each
//! of them is applied, or has failed for good. A newer bundle stops at the next object boundary: what
//! runs ends, nothing more begins. What failed is tried again by the next pass, so nothing here
//! retries for long.

mod failure;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use skerry_common::id::ApplicationName;
use skerry_common::object::ObjectKey;
use skerry_common::report::BundleMark;

use crate::plan::{Decision, Plan, Planned, StepKind};

pub use failure::{Failure, FailureKind, Retry};

/// Most objects handled at once: the throughput of an API server stops growing between 8 and 32.
pub const RUNNING_MAX: usize = 24;

/// How long a definition may take to be established: API servers need about a second.
pub const ESTABLISH_TIMEOUT: Duration = Duration::from_secs(60);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A plan is to be carried out; replaces one that runs, as by [`Input::Preempt`].
    Start(Box<Plan>),
    /// An object was handled.
    Done {
        /// Which.
        key: ObjectKey,
        /// How it ended.
        result: Result<(), Failure>,
    },
    /// A definition is established.
    Established(ObjectKey),
    /// A newer bundle came: stop at the next object boundary.
    Preempt,
    /// Time passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Handle this object; answer with [`Input::Done`].
    Execute(Box<Planned>),
    /// Watch this definition; answer with [`Input::Established`].
    AwaitEstablished(ObjectKey),
    /// The plan is through.
    Finished(Summary),
    /// The plan was left at an object boundary; plan again.
    Preempted,
}

/// How a plan went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Which bundle.
    pub target: BundleMark,
    /// Objects created.
    pub created: u32,
    /// Objects changed.
    pub changed: u32,
    /// Objects deleted.
    pub pruned: u32,
    /// Objects that could not be handled.
    pub failed: u32,
    /// Whether facts moved under the plan, or it could not lead all the way: plan again.
    pub followup: crate::plan::Followup,
}

/// How far one object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Not begun, running, or waiting to be tried again.
    Pending,
    /// As it should be.
    Done,
    /// Failed for this pass.
    Failed(Failure),
    /// Not deleted, because something of its application could not be applied.
    Postponed,
}

/// Where an object is in its step.
#[derive(Debug)]
enum Phase {
    /// Waits for its turn, not before an instant.
    Waiting { not_before: Option<Instant>, attempts: u32 },
    /// The shell handles it.
    Running { attempts: u32 },
    /// A definition that is applied and not established yet.
    Establishing { until: Instant },
}

/// A plan being carried out.
#[derive(Debug)]
struct Run {
    plan: Plan,
    /// Steps to come; each a list of indices into the plan's objects.
    steps: VecDeque<(StepKind, Vec<usize>)>,
    step: Option<StepKind>,
    active: BTreeMap<usize, Phase>,
    index: BTreeMap<ObjectKey, usize>,
    outcomes: BTreeMap<ObjectKey, Outcome>,
    unhappy: BTreeSet<ApplicationName>,
    stale: bool,
}

/// The state machine.
#[derive(Debug, Default)]
pub struct Progress {
    /// `None`: idle, waits for a plan.
    run: Option<Run>,
    /// Set while a run is being left: the plan to carry out next, if there is one.
    leaving: Option<Option<Box<Plan>>>,
    outcomes: BTreeMap<ObjectKey, Outcome>,
    outputs: VecDeque<Output>,
    seed: u64,
}

impl Progress {
    /// An idle machine; `seed` decides the jitter of retries.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Takes what happened at `now`.
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Start(plan) if self.run.is_none() => self.run = Some(Run::new(*plan)),
            Input::Start(plan) => self.leaving = Some(Some(plan)),
            Input::Preempt => {
                // A plan that was to follow is older than what pre-empts it.
                if self.run.is_some() {
                    self.leaving = Some(None);
                }
            }
            Input::Done { key, result } => self.done(now, &key, result),
            Input::Established(key) => {
                if let Some(run) = &mut self.run {
                    run.established(&key);
                }
            }
            Input::Tick => {}
        }
        self.advance(now);
    }

    /// The next effect, if there is one.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.run.as_ref().filter(|_| self.leaving.is_none())?.next_deadline()
    }

    /// Whether nothing is being carried out.
    pub fn is_idle(&self) -> bool {
        self.run.is_none()
    }

    /// How far each object of the running or the last plan is; those without work are not listed.
    pub fn outcomes(&self) -> &BTreeMap<ObjectKey, Outcome> {
        self.run.as_ref().map_or(&self.outcomes, |run| &run.outcomes)
    }

    fn done(&mut self, now: Instant, key: &ObjectKey, result: Result<(), Failure>) {
        self.seed = skerry_common::backoff::splitmix(self.seed);
        let Some(run) = &mut self.run else { return };
        if let Some(definition) = run.done(now, key, result, self.seed) {
            self.outputs.push_back(Output::AwaitEstablished(definition));
        }
    }

    fn advance(&mut self, now: Instant) {
        let Some(run) = &mut self.run else { return };
        if self.leaving.is_some() {
            // What nobody took up yet has not begun.
            self.outputs.retain(|output| run.takes_back(output));
        }
        if let Some(next) = self.leaving.take_if(|_| run.is_at_boundary()) {
            self.outputs.push_back(Output::Preempted);
            self.outcomes = std::mem::take(&mut run.outcomes);
            self.run = next.map(|plan| Run::new(*plan));
            return self.advance(now);
        }
        if self.leaving.is_some() {
            return;
        }
        run.expire(now);
        while run.active.is_empty() && run.begin_step() {}
        self.outputs.extend(run.begin(now).into_iter().map(|planned| Output::Execute(Box::new(planned))));
        if run.is_through() {
            self.outputs.push_back(Output::Finished(run.summary()));
            self.outcomes = std::mem::take(&mut run.outcomes);
            self.run = None;
        }
    }
}

impl Run {
    fn new(plan: Plan) -> Self {
        let index: BTreeMap<ObjectKey, usize> = (plan.objects.iter().enumerate())
            .filter(|(_, object)| object.step().is_some())
            .map(|(index, object)| (object.key.clone(), index))
            .collect();
        let steps = plan.steps().into_iter().map(|step| {
            let indices = step.objects.iter().filter_map(|object| index.get(&object.key).copied());
            (step.kind, indices.collect())
        });
        let steps = steps.collect();
        let outcomes = index.keys().map(|key| (key.clone(), Outcome::Pending)).collect();
        let (active, unhappy) = (BTreeMap::new(), BTreeSet::new());
        Self { plan, steps, step: None, active, index, outcomes, unhappy, stale: false }
    }

    /// Takes up the next step; false when there is none. A step may turn out to have nothing to do.
    fn begin_step(&mut self) -> bool {
        let Some((kind, indices)) = self.steps.pop_front() else { return false };
        self.step = Some(kind);
        for index in indices {
            let Some(object) = self.plan.objects.get(index) else { continue };
            // What replaces an object comes before the object goes.
            if kind.is_prune() && self.unhappy.contains(&object.application) {
                self.outcomes.insert(object.key.clone(), Outcome::Postponed);
            } else {
                self.active.insert(index, Phase::Waiting { not_before: None, attempts: 0 });
            }
        }
        true
    }

    /// Begins as many objects as may run now.
    fn begin(&mut self, now: Instant) -> Vec<Planned> {
        let running = self.active.values().filter(|phase| matches!(phase, Phase::Running { .. })).count();
        let mut room = RUNNING_MAX.saturating_sub(running);
        let mut begun = Vec::new();
        for (index, phase) in &mut self.active {
            let attempts = match phase {
                Phase::Waiting { not_before, attempts } if not_before.is_none_or(|due| due <= now) => *attempts,
                Phase::Waiting { .. } | Phase::Running { .. } | Phase::Establishing { .. } => continue,
            };
            if room == 0 {
                break;
            }
            room -= 1;
            *phase = Phase::Running { attempts };
            begun.extend(self.plan.objects.get(*index).cloned());
        }
        begun
    }

    /// Notes how an object ended; returns a definition that has to be waited for.
    fn done(&mut self, now: Instant, key: &ObjectKey, result: Result<(), Failure>, seed: u64) -> Option<ObjectKey> {
        let index = *self.index.get(key)?;
        let attempts = match self.active.get(&index)? {
            Phase::Running { attempts } => attempts.saturating_add(1),
            // An answer to nothing that was asked.
            Phase::Waiting { .. } | Phase::Establishing { .. } => return None,
        };
        match result {
            Ok(()) if self.step == Some(StepKind::ApplyDefinitions) => {
                self.active.insert(index, Phase::Establishing { until: now + ESTABLISH_TIMEOUT });
                return Some(key.clone());
            }
            Ok(()) => self.end(index, Outcome::Done),
            Err(failure) => match failure.retry(attempts, seed) {
                Retry::After(delay) => {
                    let waiting = Phase::Waiting { not_before: Some(now + delay), attempts };
                    self.active.insert(index, waiting);
                }
                Retry::PlanAgain => {
                    self.stale = true;
                    self.end(index, Outcome::Failed(failure));
                }
                Retry::Never => self.end(index, Outcome::Failed(failure)),
            },
        }
        None
    }

    fn established(&mut self, key: &ObjectKey) {
        let Some(index) = self.index.get(key).copied() else { return };
        if matches!(self.active.get(&index), Some(Phase::Establishing { .. })) {
            self.end(index, Outcome::Done);
        }
    }

    fn end(&mut self, index: usize, outcome: Outcome) {
        self.active.remove(&index);
        let Some(object) = self.plan.objects.get(index) else { return };
        if matches!(outcome, Outcome::Failed(_)) {
            self.unhappy.insert(object.application.clone());
        }
        self.outcomes.insert(object.key.clone(), outcome);
    }

    /// Gives up definitions that took too long.
    fn expire(&mut self, now: Instant) {
        let late = |phase: &Phase| matches!(phase, Phase::Establishing { until } if *until <= now);
        let expired: Vec<usize> =
            self.active.iter().filter(|(_, phase)| late(phase)).map(|(index, _)| *index).collect();
        for index in expired {
            let message = format!("it was not established within {} seconds", ESTABLISH_TIMEOUT.as_secs());
            self.end(index, Outcome::Failed(Failure::new(FailureKind::NotEstablished, &message)));
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let due = self.active.values().filter_map(|phase| match phase {
            Phase::Waiting { not_before, .. } => *not_before,
            Phase::Establishing { until } => Some(*until),
            Phase::Running { .. } => None,
        });
        due.min()
    }

    /// Takes back an effect that was not polled yet; true when it stays.
    fn takes_back(&mut self, output: &Output) -> bool {
        match output {
            Output::Execute(planned) => {
                if let Some(index) = self.index.get(&planned.key) {
                    self.active.insert(*index, Phase::Waiting { not_before: None, attempts: 0 });
                }
                false
            }
            Output::AwaitEstablished(_) => false,
            Output::Finished(_) | Output::Preempted => true,
        }
    }

    /// Nothing is being handled: waiting and establishing can be left at any time.
    fn is_at_boundary(&self) -> bool {
        !self.active.values().any(|phase| matches!(phase, Phase::Running { .. }))
    }

    fn is_through(&self) -> bool {
        self.active.is_empty() && self.steps.is_empty()
    }

    fn summary(&self) -> Summary {
        let followup = if self.stale { crate::plan::Followup::PlanAgain } else { self.plan.followup };
        let mut summary = Summary { target: self.plan.target, created: 0, changed: 0, pruned: 0, failed: 0, followup };
        for object in &self.plan.objects {
            let slot = match (self.outcomes.get(&object.key), &object.decision) {
                (Some(Outcome::Failed(_)), _) => &mut summary.failed,
                (Some(Outcome::Done), Decision::Create { .. }) => &mut summary.created,
                (Some(Outcome::Done), Decision::Change { .. }) => &mut summary.changed,
                (Some(Outcome::Done), Decision::Prune { .. }) => &mut summary.pruned,
                (Some(Outcome::Done | Outcome::Pending | Outcome::Postponed) | None, _) => continue,
            };
            *slot = slot.saturating_add(1);
        }
        summary
    }
}
