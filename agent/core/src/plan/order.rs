//! The order of steps: namespaces, definitions, the rest; deletion the other way round, afterwards.

use skerry_common::bundle::manifest::Order;

use super::Planned;
use super::decision::Decision;

/// One step: its objects may be handled at the same time; the next begins when it is through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'a> {
    /// Which step.
    pub kind: StepKind,
    /// Its objects, sorted by key.
    pub objects: Vec<&'a Planned>,
}

/// The steps, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepKind {
    /// Namespaces are applied.
    ApplyNamespaces,
    /// Definitions are applied; the step ends when they are established.
    ApplyDefinitions,
    /// Everything else is applied.
    ApplyRest,
    /// Objects are deleted, released or forgotten.
    PruneRest,
    /// Definitions are deleted.
    PruneDefinitions,
    /// Namespaces are deleted.
    PruneNamespaces,
}

impl StepKind {
    /// Whether objects leave in it.
    pub fn is_prune(self) -> bool {
        match self {
            Self::ApplyNamespaces | Self::ApplyDefinitions | Self::ApplyRest => false,
            Self::PruneRest | Self::PruneDefinitions | Self::PruneNamespaces => true,
        }
    }
}

impl Planned {
    /// The step in which it is handled; `None` when nothing is to be done.
    pub fn step(&self) -> Option<StepKind> {
        step_of(self)
    }
}

fn step_of(object: &Planned) -> Option<StepKind> {
    match &object.decision {
        Decision::Create { .. } | Decision::Change { .. } | Decision::Inspect { .. } => Some(match object.order {
            Order::Namespaces => StepKind::ApplyNamespaces,
            Order::Definitions => StepKind::ApplyDefinitions,
            Order::Rest => StepKind::ApplyRest,
        }),
        Decision::Prune { .. } | Decision::Release { .. } | Decision::Forget => Some(match object.order {
            Order::Namespaces => StepKind::PruneNamespaces,
            Order::Definitions => StepKind::PruneDefinitions,
            Order::Rest => StepKind::PruneRest,
        }),
        Decision::Keep | Decision::Refused { .. } | Decision::Held { .. } => None,
    }
}

pub(super) fn steps(objects: &[Planned]) -> Vec<Step<'_>> {
    let kinds = [
        StepKind::ApplyNamespaces,
        StepKind::ApplyDefinitions,
        StepKind::ApplyRest,
        StepKind::PruneRest,
        StepKind::PruneDefinitions,
        StepKind::PruneNamespaces,
    ];
    let of = |kind| objects.iter().filter(|object| step_of(object) == Some(kind)).collect();
    let all = kinds.into_iter().map(|kind| Step { kind, objects: of(kind) });
    all.filter(|step| !step.objects.is_empty()).collect()
}
