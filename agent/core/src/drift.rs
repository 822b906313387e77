//! Drift: how a live object differs from what we applied, who did it, and what undoes it.
//!
//! ```text
//! watch: another resourceVersion ─▶ GET ─▶ judge_live ─▶ Same      the new version is recorded
//!                                                     ├▶ Extended  remove_additions, if wanted
//!                                                     ├▶ Gone      create again
//!                                                     └▶ Suspect   dry-run apply ─▶ compare ─▶ Finding
//!   Finding.fields ─▶ book.sight ─▶ journal Drift ─▶ apply, remove_additions ─▶ journal DriftClosed
//! ```
//! The projection digest is a hint that costs nothing; the API server's own dry-run answer decides,
//! because only it knows defaulting, conversion and webhooks. Values are never told.

mod additions;
mod book;
mod compare;
mod fight;
#[cfg(test)]
mod tests;

use serde_json::Value;
use skerry_common::bundle::digest::Digest;
use skerry_common::bundle::manifest::{ExtraFields, Policy};
use skerry_common::id::Place;
use skerry_common::journal::{DriftKind, FieldDrift};

use crate::inventory::{Applied, Record};
use crate::managed_fields::{FieldSet, FieldsError, ManagedFields, projection_digest};

pub use additions::{Addition, additions, remove_additions};
pub use book::{Book, Open, Sighting};
pub use compare::{FIELDS_MAX, compare};
pub use fight::{FIGHT_RETAKES, FIGHT_WINDOW, Fights, Retaken};

/// How the fields of one object are treated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Treatment {
    /// What others add.
    pub extra: ExtraFields,
    /// Whether additions are removed, or only told of.
    pub additions: AdditionPolicy,
    /// Fields that are left alone (see [`crate::ignore::ignored_set`]).
    pub ignored: FieldSet,
}

/// Whether additions are removed, or only told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AdditionPolicy {
    /// Removed, as far as [`ExtraFields`] says.
    #[default]
    Revert,
    /// Left, and not told of: the object was adopted and waits for its second bundle.
    Unsettled,
}

/// What a look at a live object shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Our fields are as we left them, and nobody added any: only the version moved.
    Same {
        /// The version to record.
        resource_version: String,
    },
    /// Our fields are as we left them, but somebody added others: no dry-run is needed.
    Extended {
        /// What was added; [`remove_additions`] undoes it.
        additions: Vec<Addition>,
    },
    /// It does not exist.
    Gone,
    /// It may differ: a dry-run apply tells.
    Suspect,
}

/// What a dry-run apply showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finding {
    /// What differs; empty when nothing does.
    pub fields: Vec<FieldDrift>,
    /// Whether applying is needed to manage all our fields again, also when none differs.
    pub ownership: OwnershipFinding,
}

/// Whether we still manage what we applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OwnershipFinding {
    /// All of it.
    #[default]
    Whole,
    /// Another manager took a field, or our entry is gone: later changes would go unseen.
    Lost,
}

impl Treatment {
    /// How a policy treats an object of which the ignored fields are known.
    pub fn of(policy: &Policy, record: &Record, target: Place, ignored: FieldSet) -> Self {
        let additions = if record.is_settled(target) { AdditionPolicy::Revert } else { AdditionPolicy::Unsettled };
        Self { extra: policy.extra_fields, additions, ignored }
    }

    /// Whether additions are removed, or only reported.
    pub fn removes(&self) -> bool {
        match self.extra {
            ExtraFields::RevertHumans | ExtraFields::RevertAll => self.additions == AdditionPolicy::Revert,
            ExtraFields::Keep => false,
        }
    }
}

impl Addition {
    /// The same, as it is told.
    pub fn drift(&self) -> FieldDrift {
        FieldDrift { path: self.pointer.clone(), kind: DriftKind::Added, manager: self.manager.clone() }
    }
}

impl Finding {
    /// Whether there is nothing to do but to record the new version.
    pub fn is_clean(&self) -> bool {
        self.fields.is_empty() && self.ownership == OwnershipFinding::Whole
    }

    /// Whether it takes an apply to put things right; what was added is removed by a patch instead.
    pub fn needs_apply(&self) -> bool {
        self.ownership == OwnershipFinding::Lost || self.fields.iter().any(|field| field.kind != DriftKind::Added)
    }
}

/// Looks at a live object (`None`: looked up and not found) after its version moved.
pub fn judge_live(live: Option<&Value>, applied: &Applied, treatment: &Treatment) -> Result<Verdict, FieldsError> {
    let Some(live) = live else { return Ok(Verdict::Gone) };
    let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if text("/metadata/uid") != applied.uid || our_projection(live)? != applied.projection {
        return Ok(Verdict::Suspect);
    }
    let additions = additions(live, treatment)?;
    if additions.is_empty() {
        Ok(Verdict::Same { resource_version: text("/metadata/resourceVersion").to_owned() })
    } else {
        Ok(Verdict::Extended { additions })
    }
}

/// The digest of our fields of a live object: what is recorded after an apply.
pub fn our_projection(live: &Value) -> Result<Digest, FieldsError> {
    Ok(projection_digest(live, &ManagedFields::of(live)?.ours()))
}

/// Compares a live object with the API server's dry-run answer to our apply.
pub fn find(live: &Value, reference: &Value, treatment: &Treatment) -> Result<Finding, FieldsError> {
    let mut fields = compare(live, reference)?;
    for addition in additions(reference, treatment)? {
        if fields.len() < FIELDS_MAX {
            fields.push(addition.drift());
        }
    }
    let lost = ManagedFields::of(reference)?.ours().difference(&ManagedFields::of(live)?.ours());
    let ownership = if lost.is_empty() { OwnershipFinding::Whole } else { OwnershipFinding::Lost };
    Ok(Finding { fields, ownership })
}

/// The one field of an object that is gone as a whole.
pub fn deleted() -> Vec<FieldDrift> {
    vec![FieldDrift { path: String::new(), kind: DriftKind::Deleted, manager: String::new() }]
}
