//! Who manages which field of a live object: `metadata.managedFields`, read.
//!
//! Source of the format: structured-merge-diff (`sigs.k8s.io/structured-merge-diff`, `fieldpath`)
//! and the Kubernetes documentation on server-side apply. In a `FieldsV1` tree `f:NAME` is a field,
//! `k:{…}` a list item by its merge keys, `v:…` an item of a set, `i:N` an item by index, and `.`
//! says that the node itself is managed besides its children.
//!
//! | module | what it answers |
//! |---|---|
//! | `field_set` | which paths a manager has, and set operations on them |
//! | `path` | where a path leads in an object, and back from a JSON pointer |
//! | `project` | one digest of exactly the fields of a set |
//! | `managers` | is this manager a person? |

mod field_set;
mod managers;
mod path;
mod project;
#[cfg(test)]
mod tests;

use serde_json::Value;
use thiserror::Error;

pub use field_set::{DEPTH_MAX, FieldSet};
pub use managers::{MANAGERS, Rule, Who, who};
pub use path::{Element, FieldPath};
pub use project::{project, projection_digest};

use crate::marks::{MANAGER, MANAGER_INITIAL};

/// Most entries that are read of one object: the API server keeps ten for updates, and appliers
/// beyond a few dozen are no real object.
pub const ENTRIES_MAX: usize = 256;

/// Why `managedFields` cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FieldsError {
    /// More entries than [`ENTRIES_MAX`].
    #[error("the object has {0} managers: at most {ENTRIES_MAX} are read")]
    TooMany(usize),
    /// Another format than `FieldsV1`.
    #[error("manager `{manager}` uses fields type `{found}`, not `FieldsV1`")]
    Type {
        /// Whose entry.
        manager: String,
        /// The type found.
        found: String,
    },
    /// Deeper than [`DEPTH_MAX`].
    #[error("managed fields are nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// A node that is no mapping, or a key of an unknown form.
    #[error("managed fields hold `{0}`, which has no meaning")]
    Malformed(String),
}

/// How a manager wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By anything else.
    Update,
}

/// One manager's share of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// Through which subresource; empty for the object itself.
    pub subresource: String,
    /// When it last changed something (RFC 3339, UTC, so that texts compare as times).
    pub time: String,
    /// What it manages.
    pub fields: FieldSet,
}

impl Entry {
    /// Who wrote this, by the table of managers.
    pub fn who(&self) -> Who {
        who(&self.manager)
    }
}

/// All managers of one object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManagedFields {
    entries: Vec<Entry>,
}

impl ManagedFields {
    /// Reads the managers of a live object; an object without the field has none.
    pub fn of(live: &Value) -> Result<Self, FieldsError> {
        let Some(list) = live.pointer("/metadata/managedFields").and_then(Value::as_array) else {
            return Ok(Self::default());
        };
        if list.len() > ENTRIES_MAX {
            return Err(FieldsError::TooMany(list.len()));
        }
        let entries = list.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// All entries, as the object lists them.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What we manage by applying.
    pub fn ours(&self) -> FieldSet {
        self.union_of(|entry| entry.manager == MANAGER && entry.operation == Operation::Apply)
    }

    /// What [`MANAGER_INITIAL`] manages: ignored fields at their first value.
    pub fn initial(&self) -> FieldSet {
        self.union_of(|entry| entry.manager == MANAGER_INITIAL)
    }

    /// Everything that the chosen entries manage together.
    pub fn union_of(&self, choose: impl Fn(&Entry) -> bool) -> FieldSet {
        let mut all = FieldSet::default();
        for entry in self.entries.iter().filter(|entry| choose(entry)) {
            all.union(&entry.fields);
        }
        all
    }

    /// Who manages the field at a JSON pointer of `live`, others before us, the latest first.
    pub fn owners(&self, live: &Value, pointer: &str) -> Vec<&Entry> {
        let Some(tokens) = crate::patch::tokens(pointer) else { return Vec::new() };
        let mut owners: Vec<&Entry> =
            self.entries.iter().filter(|entry| path::manages(&entry.fields, live, &tokens)).collect();
        owners.sort_by(|a, b| (a.who() == Who::Ours).cmp(&(b.who() == Who::Ours)).then_with(|| b.time.cmp(&a.time)));
        owners
    }
}

fn entry(value: &Value) -> Result<Entry, FieldsError> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let manager = text("manager");
    let found = text("fieldsType");
    if !found.is_empty() && found != "FieldsV1" {
        return Err(FieldsError::Type { manager, found });
    }
    let fields = value.get("fieldsV1").map(FieldSet::parse).transpose()?.unwrap_or_default();
    let operation = if text("operation") == "Apply" { Operation::Apply } else { Operation::Update };
    Ok(Entry { manager, operation, subresource: text("subresource"), time: text("time"), fields })
}
