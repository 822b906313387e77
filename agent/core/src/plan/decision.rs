//! What a plan says of one object, and why.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use skerry_common::bundle::digest::Digest;
use skerry_common::diagnostic::ErrorClass;
use skerry_common::id::ApplicationName;
use skerry_common::object::ObjectKey;

/// What is to be done with one object. Every object has exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Decision {
    /// Apply it; it does not exist.
    Create {
        /// Why it does not.
        reason: CreateReason,
    },
    /// Apply it; it exists.
    Change {
        /// Everything that speaks for it.
        reasons: BTreeSet<ChangeReason>,
        /// Uid of the object that was looked at.
        uid: String,
    },
    /// Somebody wrote to it: read it, compare our fields, and treat a difference as drift.
    Inspect {
        /// Uid of the object that was seen.
        uid: String,
    },
    /// Nothing: it is as it was applied.
    Keep,
    /// Delete it.
    Prune {
        /// Precondition.
        uid: String,
        /// Precondition.
        resource_version: String,
    },
    /// Take our marks off and leave it.
    Release {
        /// Precondition.
        uid: String,
        /// Precondition.
        resource_version: String,
    },
    /// It left and is already gone: only the inventory forgets it.
    Forget,
    /// Nothing, and somebody should know why.
    Refused {
        /// Why.
        why: Why,
    },
    /// Its deletion waits for a person.
    Held {
        /// Which guard holds it.
        guard: Guard,
        /// Digest of the list to confirm.
        list: Digest,
    },
}

impl Decision {
    /// Whether it only puts back what somebody else changed: that pauses while somebody fights over it, and a
    /// new bundle's wish does not.
    pub fn is_healing(&self) -> bool {
        match self {
            Self::Create { reason: CreateReason::Gone } | Self::Inspect { .. } => true,
            Self::Change { reasons, .. } => {
                reasons.iter().all(|reason| matches!(reason, ChangeReason::Drift | ChangeReason::Replaced))
            }
            Self::Create { reason: CreateReason::New }
            | Self::Keep
            | Self::Prune { .. }
            | Self::Release { .. }
            | Self::Forget
            | Self::Refused { .. }
            | Self::Held { .. } => false,
        }
    }
}

impl Decision {
    /// Whether a difference would only be told of.
    pub fn is_told(&self) -> bool {
        matches!(self, Self::Refused { why: Why::NotHealed { .. } | Why::Observed { .. } })
    }
}

/// Why an object has to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CreateReason {
    /// It is new in the bundle.
    New,
    /// We had applied it and somebody deleted it: drift.
    Gone,
}

/// Why an object has to be applied although it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeReason {
    /// What is desired, or how, is another than what we applied.
    Content,
    /// It belongs to another application now.
    Application,
    /// It existed before us.
    Adopt,
    /// Its marks say that it is ours, but the inventory does not know how it was applied.
    Unrecorded,
    /// It was deleted and made anew by somebody.
    Replaced,
    /// Our fields are not as we left them.
    Drift,
}

/// Which guard holds a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Guard {
    /// More than half of an application's objects, and at least ten.
    MostOfTheApplication,
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MostOfTheApplication => f.write_str("more than half of the application's objects would be deleted"),
        }
    }
}

/// What would be done if it were allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Would {
    /// Create.
    Create,
    /// Change.
    Change,
    /// Prune.
    Prune,
    /// Release.
    Release,
}

/// Why nothing is done with an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Why {
    /// Two applications have it; the first in the alphabet keeps it.
    Twice {
        /// The one that keeps it.
        application: ApplicationName,
    },
    /// The agent lives on it.
    Protected,
    /// The cluster does not know the kind.
    NotServed {
        /// Whether a definition in this very bundle will make it known.
        defined_here: bool,
    },
    /// The kind's group could not be read.
    DiscoveryGap,
    /// The live object could not be read.
    Unreadable {
        /// Why not.
        reason: String,
    },
    /// The application is only observed.
    Observed {
        /// What would be done.
        would: Would,
    },
    /// It differs, but the application does not heal itself.
    NotHealed {
        /// What would be done.
        would: Would,
    },
    /// It is being deleted; it is created again once it is gone.
    BeingDeleted,
    /// It carries another fleet's label.
    OtherFleet {
        /// Whose.
        fleet: String,
    },
    /// It left the application, but pruning is off.
    PruneOff,
    /// It left the application, but `skerry.dev/prune: disabled` stands on it.
    PruneDisabled,
    /// It left the application, but its marks do not say that it is ours.
    NotOurs,
    /// It left with its application, of whose policy nothing is known.
    PolicyUnknown,
    /// A namespace or definition with objects in it that would not go.
    NotEmpty {
        /// How many.
        objects: usize,
        /// The first of them.
        examples: Vec<ObjectKey>,
    },
    /// A namespace or definition of which not everything could be read.
    ContentsUnknown {
        /// Why not.
        reason: String,
    },
}

impl Why {
    /// Whether it comes right by itself, needs a person, or is as it should be.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NotServed { defined_here: true }
            | Self::DiscoveryGap
            | Self::Unreadable { .. }
            | Self::BeingDeleted
            | Self::ContentsUnknown { .. } => ErrorClass::Retry,
            Self::Twice { .. }
            | Self::Protected
            | Self::NotServed { defined_here: false }
            | Self::OtherFleet { .. }
            | Self::NotOurs
            | Self::PolicyUnknown
            | Self::NotEmpty { .. } => ErrorClass::NeedsUser,
            Self::Observed { .. } | Self::NotHealed { .. } | Self::PruneOff | Self::PruneDisabled => ErrorClass::No,
        }
    }
}

impl fmt::Display for Would {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Prune => "delete",
            Self::Release => "release",
        })
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twice { application } => write!(f, "application `{application}` has the same object"),
            Self::Protected => f.write_str("the agent lives on it"),
            Self::NotServed { defined_here: true } => {
                f.write_str("its kind is defined by this bundle and not served yet")
            }
            Self::NotServed { defined_here: false } => f.write_str("the cluster does not serve its kind and version"),
            Self::DiscoveryGap => f.write_str("its API group could not be read"),
            Self::Unreadable { reason } => write!(f, "it could not be read: {reason}"),
            Self::Observed { would } => write!(f, "observed only: would {would} it"),
            Self::NotHealed { would } => write!(f, "selfHeal is off: would {would} it"),
            Self::BeingDeleted => f.write_str("it is being deleted and waits for its finalizers"),
            Self::OtherFleet { fleet } => write!(f, "it belongs to fleet `{fleet}`"),
            Self::PruneOff => f.write_str("it left the application, and prune is off"),
            Self::PruneDisabled => f.write_str("it left the application, and `skerry.dev/prune: disabled` protects it"),
            Self::NotOurs => f.write_str("it left the application, but its marks do not say that it is ours"),
            Self::PolicyUnknown => f.write_str("its application left, and its policy is not known"),
            Self::NotEmpty { objects, .. } => write!(f, "{objects} objects in it would not be deleted with it"),
            Self::ContentsUnknown { reason } => write!(f, "not everything in it could be read: {reason}"),
        }
    }
}
