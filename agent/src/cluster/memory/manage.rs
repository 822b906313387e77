//! Who owns which field: `managedFields`, and what an apply or an update makes of them.
//!
//! The rules are those of server-side apply: an applier owns exactly what it applies; what it no longer applies goes
//! away unless somebody else owns it; changing a field that others own is a conflict, or takes it over by force; an
//! update owns what it changes.

use serde_json::{Map, Value, json};

use super::fieldset::{Element, FieldSet, fields_of};
use super::merge::{Difference, compare, cut, drop_nulls, merge};
use super::shape::Shape;
use crate::cluster::{ClusterError, Conflict, FieldConflict, Force};

/// Fields of `metadata` that the server sets: nobody owns them.
const SERVER_METADATA: [&str; 9] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
    "deletionTimestamp",
];

/// Most update entries of one object before the oldest are folded into one, as the API server does.
const UPDATE_ENTRIES_MAX: usize = 10;

/// How a manager came to own its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// By applying.
    Apply,
    /// By any other write.
    Update,
}

/// Who writes, and through which part of the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Writer<'a> {
    /// The field manager.
    pub(super) manager: &'a str,
    /// How.
    pub(super) operation: Operation,
    /// Empty, or `status`.
    pub(super) subresource: &'a str,
    /// `apiVersion` of the document.
    pub(super) api_version: String,
    /// Now, as the entry shows it.
    pub(super) time: String,
}

/// One entry of `managedFields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    manager: String,
    operation: Operation,
    subresource: String,
    api_version: String,
    time: String,
    fields: FieldSet,
}

impl Entry {
    fn is_of(&self, writer: &Writer<'_>) -> bool {
        self.manager == writer.manager
            && self.operation == writer.operation
            && self.subresource == writer.subresource
            && (self.operation == Operation::Apply || self.api_version == writer.api_version)
    }

    fn new(writer: &Writer<'_>, fields: FieldSet) -> Self {
        Self {
            manager: writer.manager.to_owned(),
            operation: writer.operation,
            subresource: writer.subresource.to_owned(),
            api_version: writer.api_version.clone(),
            time: writer.time.clone(),
            fields,
        }
    }

    fn to_json(&self) -> Value {
        let operation = match self.operation {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        };
        let mut entry = json!({
            "manager": self.manager, "operation": operation, "apiVersion": self.api_version,
            "fieldsType": "FieldsV1", "fieldsV1": self.fields.to_json(),
        });
        if !self.time.is_empty() {
            entry["time"] = json!(self.time);
        }
        if !self.subresource.is_empty() {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }

    fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let operation = match text("operation").as_str() {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        Some(Self {
            manager: text("manager"),
            operation,
            subresource: text("subresource"),
            api_version: text("apiVersion"),
            time: text("time"),
            fields: FieldSet::from_json(value.get("fieldsV1")?),
        })
    }
}

/// The entries of an object.
pub(super) fn entries(object: &Value) -> Vec<Entry> {
    let items = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Entry::from_json).collect()
}

/// Puts entries into an object, in the order in which the API server writes them.
pub(super) fn set_entries(object: &mut Value, mut entries: Vec<Entry>) {
    entries.sort_by(|a, b| {
        let key =
            |entry: &Entry| (entry.operation, entry.time.clone(), entry.manager.clone(), entry.subresource.clone());
        key(a).cmp(&key(b))
    });
    let items: Vec<Value> = entries.iter().map(Entry::to_json).collect();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        if items.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".into(), Value::Array(items));
        }
    }
}

/// What an apply makes of a live object (`{}` when there is none).
pub(super) fn apply(
    shape: &Shape,
    live: &Value,
    applied: &Value,
    writer: &Writer<'_>,
    force: Force,
) -> Result<(Value, Vec<Entry>), ClusterError> {
    let mut entries = entries(live);
    let live = bare(live);
    let merged = merge(shape, &live, applied);
    let last = entries.iter().position(|entry| entry.is_of(writer)).map(|index| entries.remove(index));
    let set = owned(fields_of(shape, applied), writer);
    let mut new = match &last {
        Some(last) => {
            let others = entries.iter().fold(set.clone(), |all, entry| all.union(&entry.fields));
            prune(shape, merged, &last.fields, &others)
        }
        None => merged,
    };
    drop_nulls(&mut new);
    let difference = compare(shape, &live, &new);
    take(&mut entries, &difference, force)?;
    let mut entry = Entry::new(writer, set);
    if live == bare(&new) {
        // Only a change of the object itself has a time; a new owner of what is there has none.
        entry.time = last.map(|last| last.time).unwrap_or_default();
    }
    if !entry.fields.is_empty() {
        entries.push(entry);
    }
    Ok((new, entries))
}

/// What an update to `new` means for the owners of fields.
pub(super) fn update(shape: &Shape, live: &Value, new: &Value, writer: &Writer<'_>) -> Vec<Entry> {
    let mut entries = entries(live);
    let difference = compare(shape, &bare(live), &bare(new));
    let last = entries.iter().position(|entry| entry.is_of(writer)).map(|index| entries.remove(index));
    let changed = difference.added.clone().union(&difference.modified);
    for entry in &mut entries {
        entry.fields = entry.fields.difference(&changed).difference(&difference.removed);
    }
    entries.retain(|entry| !entry.fields.is_empty());
    let before = last.as_ref().map(|last| last.fields.clone()).unwrap_or_default();
    let set = owned(before.difference(&difference.removed).union(&changed), writer);
    let mut entry = Entry::new(writer, set);
    if let Some(last) = last
        && last.fields == entry.fields
        && changed.is_empty()
    {
        entry.time = last.time;
    }
    if !entry.fields.is_empty() {
        entries.push(entry);
    }
    fold(&mut entries);
    entries
}

/// Takes changed fields from their owners, or refuses.
fn take(entries: &mut Vec<Entry>, difference: &Difference, force: Force) -> Result<(), ClusterError> {
    let changed = difference.added.clone().union(&difference.modified);
    let mut conflicts = Vec::new();
    for entry in entries.iter_mut() {
        let taken = entry.fields.intersection(&changed);
        conflicts
            .extend(taken.paths().into_iter().map(|field| FieldConflict { field, manager: entry.manager.clone() }));
        entry.fields = entry.fields.difference(&taken).difference(&difference.removed);
    }
    if force == Force::Refuse && !conflicts.is_empty() {
        return Err(ClusterError::Conflict(Conflict::Fields(conflicts)));
    }
    entries.retain(|entry| !entry.fields.is_empty());
    Ok(())
}

/// Removes what the applier owned and nobody owns any more.
fn prune(shape: &Shape, merged: Value, last: &FieldSet, owned: &FieldSet) -> Value {
    let named = |set: &FieldSet| set.with_named_fields(shape);
    let all = named(&fields_of(shape, &merged));
    let pruned = cut(shape, &merged, &named(last));
    let kept = named(&fields_of(shape, &pruned)).union(&named(owned));
    let pruned = cut(shape, &merged, &all.difference(&kept));
    // Fields below a removed one that this manager never owned stay.
    let kept = named(&fields_of(shape, &pruned));
    cut(shape, &merged, &all.difference(&kept).intersection(&named(last)))
}

/// What a writer may own: not what the server sets, and status only through its own door.
fn owned(mut set: FieldSet, writer: &Writer<'_>) -> FieldSet {
    let field = |name: &str| Element::Field(name.to_owned());
    if writer.subresource == "status" {
        set.remove(&field("spec"));
        set.strip_metadata(&["labels"]);
    }
    set.remove(&field("apiVersion"));
    set.remove(&field("kind"));
    set.strip_metadata(&SERVER_METADATA);
    set
}

fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for name in SERVER_METADATA {
            metadata.remove(name);
        }
    }
    if let Some(map) = object.as_object_mut() {
        if map.get("metadata").and_then(Value::as_object).is_some_and(Map::is_empty) {
            map.remove("metadata");
        }
        map.remove("apiVersion");
        map.remove("kind");
    }
    object
}

/// Folds the oldest updates into one entry, `ancient-changes`.
fn fold(entries: &mut Vec<Entry>) {
    while entries.iter().filter(|entry| entry.operation == Operation::Update).count() > UPDATE_ENTRIES_MAX {
        entries.sort_by(|a, b| (a.operation, &a.time).cmp(&(b.operation, &b.time)));
        let Some(first) = entries.iter().position(|entry| entry.operation == Operation::Update) else { return };
        let oldest = entries.remove(first);
        let Some(next) = entries.get_mut(first) else { return };
        next.fields = std::mem::take(&mut next.fields).union(&oldest.fields);
        next.manager = "ancient-changes".into();
    }
}
