//! Health: one function over rules kept as data.
//!
//! [`judge`] answers two questions about a live object. The *view* is what a person is shown. The
//! *gate* is what a rollout may build on: it passes only when the view is healthy, the controller has
//! seen the current generation, and the object was observed after *this* apply. For a gate, unknown
//! is not healthy.
//!
//! Source of the rules: kstatus (`sigs.k8s.io/cli-utils`, `pkg/kstatus`), whose generic part reads
//! `observedGeneration`, deletion and the conditions `Reconciling`, `Stalled` and `Ready`; where a
//! rule differs, its doc says why.

mod judge;
mod rules;
mod supporting;
#[cfg(test)]
mod tests;
mod workloads;

use skerry_common::status::Health;

pub use judge::judge;
pub use rules::{Body, RULES, Rule, needs_body};

/// What a look at an object says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What a person is shown.
    pub view: Health,
    /// What a rollout may build on.
    pub gate: Gate,
    /// Why, in words; empty when healthy.
    pub reason: String,
}

/// Whether what comes after may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Pass,
    /// Not yet.
    Wait,
    /// It will not come right by itself.
    Fail,
}

/// When an object was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// After the API server answered the apply of the generation in question.
    AfterApply,
    /// Before, or it is not known when.
    BeforeApply,
}

impl Judgement {
    pub(crate) fn healthy() -> Self {
        Self { view: Health::Healthy, gate: Gate::Pass, reason: String::new() }
    }

    pub(crate) fn progressing(reason: impl Into<String>) -> Self {
        Self::because(Health::Progressing, Gate::Wait, reason)
    }

    pub(crate) fn degraded(reason: impl Into<String>) -> Self {
        Self::because(Health::Degraded, Gate::Fail, reason)
    }

    pub(crate) fn unknown(reason: impl Into<String>) -> Self {
        Self::because(Health::Unknown, Gate::Wait, reason)
    }

    pub(crate) fn suspended(gate: Gate, reason: impl Into<String>) -> Self {
        Self::because(Health::Suspended, gate, reason)
    }

    fn because(view: Health, gate: Gate, reason: impl Into<String>) -> Self {
        Self { view, gate, reason: skerry_common::limits::clip(&reason.into()) }
    }
}
