//! Fields that others added to an object of ours, and the patch that removes them.

use std::cmp::Ordering;

use serde_json::{Value, json};
use skerry_common::bundle::manifest::ExtraFields;

use super::{AdditionPolicy, Treatment};
use crate::managed_fields::{Element, Entry, FieldPath, FieldSet, FieldsError, ManagedFields, Who};
use crate::patch::{escape, preconditions, tokens};

/// Most additions of one object that are removed at a time; the rest follow with the next look.
const ADDITIONS_MAX: usize = 256;

/// What `kubectl rollout restart` sets: an order to the cluster, not a state.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// Metadata that nobody adds: the API server's own.
const METADATA_OF_PEOPLE: [&str; 4] = ["labels", "annotations", "finalizers", "ownerReferences"];

/// A field, mapping or list item that somebody added beside our fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Where it is in the object that was looked at.
    pub pointer: String,
    /// Who manages it.
    pub manager: String,
}

/// What others added, as far as the treatment calls it drift, in order of the paths.
///
/// Kept are: what anybody sets through a subresource (`scale`, `status`), `restartedAt`, ignored
/// fields, and whatever we or another manager that is left alone also manages. A mapping or list
/// item is named as a whole when nobody else has anything in it, because its parts may be required
/// of each other.
pub fn additions(object: &Value, treatment: &Treatment) -> Result<Vec<Addition>, FieldsError> {
    match treatment.additions {
        AdditionPolicy::Unsettled => return Ok(Vec::new()),
        AdditionPolicy::Revert => {}
    }
    let managers = ManagedFields::of(object)?;
    let adds = |entry: &Entry| entry.subresource.is_empty() && is_unwanted(entry.who(), treatment.extra);
    let mut walk = Walk { managers: &managers, extra: treatment.extra, found: Vec::new() };
    let mut others = managers.union_of(|entry| !adds(entry));
    others.union(&treatment.ignored);
    walk.node(&managers.union_of(adds), Some(&others), object, &mut Vec::new(), "");
    Ok(walk.found)
}

fn is_unwanted(who: Who, extra: ExtraFields) -> bool {
    match who {
        Who::Ours => false,
        Who::Person => true,
        Who::Controller => extra == ExtraFields::RevertAll,
    }
}

struct Walk<'a> {
    managers: &'a ManagedFields,
    extra: ExtraFields,
    found: Vec<Addition>,
}

impl Walk<'_> {
    fn node(&mut self, set: &FieldSet, others: Option<&FieldSet>, value: &Value, path: &mut FieldPath, pointer: &str) {
        if others.is_some_and(FieldSet::is_leaf) || self.found.len() >= ADDITIONS_MAX {
            return;
        }
        let alone = others.is_none_or(FieldSet::is_empty);
        if set.is_member() && alone && !holds_kept(set, path) {
            self.found.push(Addition { pointer: pointer.to_owned(), manager: self.manager_of(path) });
            return;
        }
        for (element, child) in set.children() {
            if is_server_side(path, element) || is_merge_key(path, element) {
                continue;
            }
            let Some((token, below)) = element.find(value) else { continue };
            path.push(element.clone());
            let others = others.and_then(|others| others.child(element));
            self.node(child, others, below, path, &format!("{pointer}/{}", escape(&token)));
            path.pop();
        }
    }

    fn manager_of(&self, path: &[Element]) -> String {
        let has = |entry: &&Entry| is_unwanted(entry.who(), self.extra) && entry.fields.contains(path);
        let latest = self.managers.entries().iter().filter(has).max_by(|a, b| a.time.cmp(&b.time));
        latest.map(|entry| entry.manager.clone()).unwrap_or_default()
    }
}

fn is_restarted_at(element: &Element) -> bool {
    matches!(element, Element::Field(name) if name == RESTARTED_AT)
}

/// Whether a node is, or has below it, something that is kept.
fn holds_kept(set: &FieldSet, path: &[Element]) -> bool {
    path.last().is_some_and(is_restarted_at)
        || set.children().any(|(element, child)| is_restarted_at(element) || holds_kept(child, &[]))
}

/// Status and the API server's own metadata are nobody's addition.
fn is_server_side(path: &[Element], element: &Element) -> bool {
    let Element::Field(name) = element else { return false };
    match path {
        [] => name == "status",
        [Element::Field(parent)] if parent == "metadata" => !METADATA_OF_PEOPLE.contains(&name.as_str()),
        _ => false,
    }
}

/// The keys of a list item go with the item, never alone.
fn is_merge_key(path: &[Element], element: &Element) -> bool {
    match (path.last(), element) {
        (Some(Element::Key(keys)), Element::Field(name)) => keys.contains_key(name),
        (Some(Element::Key(_) | Element::Field(_) | Element::Value(_) | Element::Index(_)) | None, _) => false,
    }
}

/// The JSON patch that removes fields from `live`, and fails on any other object or version.
///
/// Later list items go first, so that no removal moves the next.
pub fn remove_additions(live: &Value, additions: &[Addition]) -> Value {
    let mut pointers: Vec<&str> = additions.iter().map(|addition| addition.pointer.as_str()).collect();
    pointers.sort_by(|a, b| by_place(b, a));
    let removals = pointers.into_iter().map(|path| json!({"op": "remove", "path": path}));
    Value::Array(preconditions(live).into_iter().chain(removals).collect())
}

fn by_place(a: &str, b: &str) -> Ordering {
    let place = |pointer: &str| -> Vec<(u64, String)> {
        let tokens = tokens(pointer).unwrap_or_default();
        tokens.into_iter().map(|token| (token.parse().unwrap_or(u64::MAX), token)).collect()
    };
    place(a).cmp(&place(b))
}
