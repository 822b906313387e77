//! Our fields, live against the API server's dry-run answer.

use serde_json::Value;
use skerry_common::journal::{DriftKind, FieldDrift};

use crate::managed_fields::{Element, Entry, FieldSet, FieldsError, ManagedFields, Operation, Who};
use crate::patch::escape;

/// Most fields told of one object: past that it was replaced rather than edited.
pub const FIELDS_MAX: usize = 32;

/// Lists what differs in the fields that we manage in `reference`, at most [`FIELDS_MAX`].
///
/// A whole list item or mapping that is gone is told once, at its own place. The values stay here.
pub fn compare(live: &Value, reference: &Value) -> Result<Vec<FieldDrift>, FieldsError> {
    let managers = ManagedFields::of(live)?;
    let ours = ManagedFields::of(reference)?.ours();
    let mut comparison = Comparison { live, managers: &managers, found: Vec::new() };
    comparison.node(&ours, Some(live), Some(reference), "");
    Ok(comparison.found)
}

struct Comparison<'a> {
    live: &'a Value,
    managers: &'a ManagedFields,
    found: Vec<FieldDrift>,
}

impl Comparison<'_> {
    fn node(&mut self, set: &FieldSet, live: Option<&Value>, reference: Option<&Value>, pointer: &str) {
        if self.found.len() >= FIELDS_MAX {
            return;
        }
        let Some(reference) = reference else { return };
        let Some(live) = live else {
            self.found.push(FieldDrift {
                path: pointer.to_owned(),
                kind: DriftKind::Removed,
                manager: self.last_writer(),
            });
            return;
        };
        if set.is_leaf() {
            if live != reference {
                let manager = self.changed_by(pointer);
                self.found.push(FieldDrift { path: pointer.to_owned(), kind: DriftKind::Changed, manager });
            }
            return;
        }
        for (element, child) in set.children() {
            let (token, below) = below(element, live, reference);
            let expected = element.find(reference).map(|(_, value)| value);
            self.node(child, below, expected, &format!("{pointer}/{}", escape(&token)));
        }
    }

    fn changed_by(&self, pointer: &str) -> String {
        let owners = self.managers.owners(self.live, pointer);
        owners.first().filter(|entry| entry.who() != Who::Ours).map(|entry| entry.manager.clone()).unwrap_or_default()
    }

    /// Who removed a field is not told by `managedFields`: the last who wrote the object itself after
    /// our own last apply is named, and nobody if there was none.
    fn last_writer(&self) -> String {
        let itself = |entry: &&Entry| entry.subresource.is_empty();
        let entries = || self.managers.entries().iter().filter(itself);
        let our_time = entries().filter(|entry| entry.who() == Who::Ours).map(|entry| &entry.time).max();
        let others = entries().filter(|entry| entry.who() != Who::Ours && entry.operation == Operation::Update);
        let last =
            others.filter(|entry| our_time.is_none_or(|ours| entry.time >= *ours)).max_by(|a, b| a.time.cmp(&b.time));
        last.map(|entry| entry.manager.clone()).unwrap_or_default()
    }
}

/// Where an element is in the live object; its place in the reference if it is gone.
fn below<'a>(element: &Element, live: &'a Value, reference: &Value) -> (String, Option<&'a Value>) {
    match element.find(live) {
        Some((token, value)) => (token, Some(value)),
        None => (element.find(reference).map_or_else(|| element.to_string(), |(token, _)| token), None),
    }
}
