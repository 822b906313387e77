//! The last step: from trees to typed objects, checked.
//!
//! What every object must have is checked here, whatever rendered it: `apiVersion`, `kind` and
//! `metadata.name`; a namespace where its kind has one and none where it has not; one declaration.
//! Two things that controllers write are no desired state and are left out, because an agent that
//! applied them would fight over them for ever: `status`, with a warning, and an empty
//! `metadata.creationTimestamp`, which generators leave behind, without.

use std::collections::BTreeMap;

use serde_json::Value;
use skerry_common::diagnostic::{Diagnostic, Location};
use skerry_common::object::{ObjectKey, ObjectKeyError, group_of};
use skerry_yaml::{ConvertError, Node, to_json_with};

use crate::codes;
use crate::document::Source;
use crate::request::RenderedObject;
use crate::scope::{Scope, scope_of};

/// What the check has found.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) objects: Vec<RenderedObject>,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) problems: Vec<Diagnostic>,
}

/// Converts and checks documents; every problem is found, not only the first.
pub(crate) fn check(sources: &[Source], namespace: Option<&str>) -> Checked {
    let mut checked = Checked::default();
    let mut places: BTreeMap<ObjectKey, usize> = BTreeMap::new();
    for source in sources {
        let at = source.location();
        let Some(mut value) = convert(source, &at, &mut checked) else { continue };
        strip(&mut value, source, &at, &mut checked);
        let Some(key) = key_of(&mut value, source, &at, namespace, &mut checked) else { continue };
        if let Some(first) = places.get(&key) {
            let first = checked.objects.get(*first).map(|object| object.origin.to_string()).unwrap_or_default();
            let message = format!("`{key}` is declared twice, first in {first}");
            checked.problems.push(Diagnostic::error(codes::DECLARED_TWICE, message).at(at).help("delete one of them"));
            continue;
        }
        places.insert(key.clone(), checked.objects.len());
        checked.objects.push(RenderedObject { key, value, origin: at });
    }
    checked
}

fn convert(source: &Source, at: &Location, checked: &mut Checked) -> Option<Value> {
    if !source.node.is_mapping() {
        let message = "a Kubernetes object is needed here, a mapping";
        checked.problems.push(Diagnostic::error(codes::NOT_AN_OBJECT, message).at(at.clone()));
        return None;
    }
    match to_json_with(&source.node, source.rules) {
        Ok(value) => Some(value),
        Err(error) => {
            checked.problems.push(unconvertible(&error, &source.file, at));
            None
        }
    }
}

/// Why a document has no JSON form.
pub(crate) fn unconvertible(error: &ConvertError, file: &str, at: &Location) -> Diagnostic {
    let line = Some(error.position.line).filter(|line| *line > 0).or(at.line);
    let field = error.path.trim_start_matches('/').replace('/', ".");
    Diagnostic::error(codes::NO_JSON_FORM, error.message.clone()).at(Location::file(file, line).with_field(field))
}

/// Leaves out what controllers write.
fn strip(value: &mut Value, source: &Source, at: &Location, checked: &mut Checked) {
    let Some(object) = value.as_object_mut() else { return };
    if let Some(status) = object.shift_remove("status") {
        let is_empty = status.as_object().is_some_and(serde_json::Map::is_empty) || status.is_null();
        if !is_empty {
            let line = source.node.get("status").map(|node| node.position.line).filter(|line| *line > 0).or(at.line);
            let at = Location::file(&*source.file, line).with_field("status");
            checked.warnings.push(Diagnostic::warning(codes::STATUS_IGNORED, "`status` is ignored").at(at));
        }
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && metadata.get("creationTimestamp").is_some_and(Value::is_null)
    {
        metadata.shift_remove("creationTimestamp");
    }
}

fn key_of(
    value: &mut Value,
    source: &Source,
    at: &Location,
    namespace: Option<&str>,
    checked: &mut Checked,
) -> Option<ObjectKey> {
    let key = match ObjectKey::of(value) {
        Ok(key) => key,
        Err(ObjectKeyError::Missing(field)) => {
            let mut problem = Diagnostic::error(codes::FIELD_MISSING, format!("`{field}` is missing or not a text"))
                .at(field_place(source, field, at));
            if value.pointer("/metadata/generateName").is_some() && field == "metadata.name" {
                problem = problem.help("give the object a fixed `metadata.name` instead of `generateName`");
            }
            checked.problems.push(problem);
            return None;
        }
    };
    let group = value.get("apiVersion").and_then(Value::as_str).map_or("", group_of).to_owned();
    match (scope_of(&group, &key.kind), &key.namespace) {
        (Scope::Cluster, Some(namespace)) => {
            let message = format!("`{}` is no namespaced kind, but names the namespace `{namespace}`", key.kind);
            let at = field_place(source, "metadata.namespace", at);
            let problem = Diagnostic::error(codes::NAMESPACE_ON_CLUSTER_SCOPED, message).at(at);
            checked.problems.push(problem.help("delete `metadata.namespace`"));
            None
        }
        (Scope::Namespaced, None) => {
            let Some(namespace) = namespace else { return Some(key) };
            if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.insert("namespace".to_owned(), Value::from(namespace));
            }
            Some(ObjectKey { namespace: Some(namespace.to_owned()), ..key })
        }
        (Scope::Cluster, None) | (Scope::Namespaced, Some(_)) | (Scope::Unknown, _) => Some(key),
    }
}

/// The line of a field, or of the nearest thing around it that is there.
fn field_place(source: &Source, field: &str, at: &Location) -> Location {
    let mut node = &source.node;
    let mut line = at.line;
    for name in field.split('.') {
        let Some(next) = Node::get(node, name) else { break };
        node = next;
        line = Some(node.position.line).filter(|line| *line > 0).or(line);
    }
    Location { line, ..at.clone() }.with_field(field)
}
