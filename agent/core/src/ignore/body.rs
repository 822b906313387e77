//! Pointers to paths, and objects with or without them.

use serde_json::{Map, Value, json};
use skerry_common::canonical;

use super::IgnoreError;
use crate::managed_fields::{Element, FieldPath, FieldSet};
use crate::marks::{APPLICATION_LABEL, FLEET_LABEL, OBJECT_ANNOTATION};
use crate::patch::tokens;

/// Reads a pointer and refuses those that would leave identity or marks to others.
pub(super) fn parse(pointer: &str) -> Result<Vec<String>, IgnoreError> {
    let tokens = tokens(pointer).filter(|tokens| !tokens.is_empty());
    let tokens = tokens.ok_or_else(|| IgnoreError::Pointer(pointer.to_owned()))?;
    let parts: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let is_identity = match parts.as_slice() {
        ["apiVersion" | "kind" | "metadata"] | ["metadata", "name" | "namespace" | "labels" | "annotations"] => true,
        ["metadata", "labels", name, ..] => [FLEET_LABEL, APPLICATION_LABEL].contains(name),
        ["metadata", "annotations", name, ..] => *name == OBJECT_ANNOTATION,
        _ => false,
    };
    if is_identity { Err(IgnoreError::Identity(pointer.to_owned())) } else { Ok(tokens) }
}

/// Turns pointers into `object` into paths; `everyone` knows which lists have keys.
pub(super) fn resolve(object: &Value, pointers: &[Vec<String>], everyone: &FieldSet) -> Result<FieldSet, IgnoreError> {
    let mut set = FieldSet::default();
    for pointer in pointers {
        if let Some(path) = resolve_one(object, pointer, everyone)? {
            set.insert(&path);
        }
    }
    Ok(set)
}

/// `None` when the object has no such list item.
fn resolve_one(object: &Value, pointer: &[String], everyone: &FieldSet) -> Result<Option<FieldPath>, IgnoreError> {
    let (mut value, mut known) = (Some(object), Some(everyone));
    let mut path = FieldPath::new();
    for token in pointer {
        let element = match value {
            Some(Value::Array(items)) => {
                let Some(item) = token.parse().ok().and_then(|index: usize| items.get(index)) else { return Ok(None) };
                value = Some(item);
                let element = known.and_then(|known| item_element(known, item));
                element.ok_or_else(|| IgnoreError::AtomicList(format!("/{}", pointer.join("/"))))?
            }
            Some(Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {
                value = value.and_then(|value| value.get(token));
                Element::Field(token.clone())
            }
        };
        known = known.and_then(|known| known.child(&element));
        path.push(element);
    }
    Ok(Some(path))
}

/// How `managedFields` would name a list item: by the keys of its list, as far as the item has them
/// (the API server fills in the others).
fn item_element(list: &FieldSet, item: &Value) -> Option<Element> {
    let agrees = |element: &Element| match element {
        Element::Key(keys) => {
            keys.iter().all(|(name, wanted)| item.get(name).is_none_or(|have| text_of(have) == *wanted))
        }
        Element::Value(_) => element.names(item),
        Element::Field(_) | Element::Index(_) => false,
    };
    let known = list.children().map(|(element, _)| element).find(|element| agrees(element));
    known.cloned().or_else(|| list.children().find_map(|(element, _)| alike(element, item)))
}

/// An element for an item that is not live yet, in the form that its neighbours have.
fn alike(neighbour: &Element, item: &Value) -> Option<Element> {
    match neighbour {
        Element::Key(keys) => {
            let own = keys.keys().filter_map(|name| Some((name.clone(), text_of(item.get(name)?))));
            Some(Element::Key(own.collect()))
        }
        Element::Value(_) => Some(Element::Value(text_of(item))),
        Element::Field(_) | Element::Index(_) => None,
    }
}

fn text_of(value: &Value) -> String {
    String::from_utf8_lossy(&canonical::to_bytes(value)).into_owned()
}

/// The object without the fields of a set.
pub(super) fn without(object: &Value, set: &FieldSet) -> Value {
    let mut rest = object.clone();
    strip(&mut rest, set);
    rest
}

fn strip(value: &mut Value, set: &FieldSet) {
    for (element, child) in set.children() {
        match value {
            Value::Object(map) => {
                let Element::Field(name) = element else { continue };
                if child.is_leaf() {
                    map.shift_remove(name);
                } else if let Some(below) = map.get_mut(name) {
                    strip(below, child);
                }
            }
            Value::Array(items) if child.is_leaf() => items.retain(|item| !is_item(element, item)),
            Value::Array(items) => {
                items.iter_mut().filter(|item| is_item(element, item)).for_each(|item| strip(item, child));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// As [`Element::names`], but a key that the item leaves to the API server does not count against it.
fn is_item(element: &Element, item: &Value) -> bool {
    match element {
        Element::Key(keys) => {
            keys.iter().all(|(name, wanted)| item.get(name).is_none_or(|have| text_of(have) == *wanted))
        }
        Element::Value(_) => element.names(item),
        Element::Field(_) | Element::Index(_) => false,
    }
}

/// What `skerry-initial` applies: identity, ignored fields, and what it has already, all as they live.
pub(super) fn initial(object: &Value, live: &Value, ignored: &FieldSet, kept: &FieldSet) -> Value {
    let mut set = ignored.clone();
    set.union(kept);
    let mut body = json!({});
    graft(&mut body, &set, live);
    let copy = |pointer: &str| object.pointer(pointer).cloned();
    let Value::Object(map) = &mut body else { return body };
    let mut whole = Map::new();
    for (field, value) in
        ["apiVersion", "kind"].into_iter().filter_map(|field| Some((field, copy(&format!("/{field}"))?)))
    {
        whole.insert(field.to_owned(), value);
    }
    let mut metadata = match map.shift_remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | None => Map::new(),
    };
    for field in ["name", "namespace"] {
        if let Some(value) = copy(&format!("/metadata/{field}")) {
            metadata.insert(field.to_owned(), value);
        }
    }
    whole.insert("metadata".to_owned(), Value::Object(metadata));
    whole.extend(std::mem::take(map));
    Value::Object(whole)
}

/// Copies the live values at the paths of a set, with the keys of the list items on the way.
fn graft(body: &mut Value, set: &FieldSet, live: &Value) {
    for (element, child) in set.children() {
        let Some((_, found)) = element.find(live) else { continue };
        let part = if child.is_leaf() {
            found.clone()
        } else {
            let mut part = match element {
                Element::Key(keys) if found.is_object() => identity(keys.keys(), found),
                Element::Key(_) | Element::Field(_) | Element::Value(_) | Element::Index(_) => empty_like(found),
            };
            graft(&mut part, child, found);
            part
        };
        match (&mut *body, element) {
            (Value::Object(map), Element::Field(name)) => drop(map.insert(name.clone(), part)),
            (Value::Array(items), Element::Key(_) | Element::Value(_) | Element::Index(_)) => items.push(part),
            (
                Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_),
                _,
            ) => {}
        }
    }
}

fn identity<'a>(names: impl Iterator<Item = &'a String>, item: &Value) -> Value {
    Value::Object(names.filter_map(|name| Some((name.clone(), item.get(name)?.clone()))).collect())
}

fn empty_like(value: &Value) -> Value {
    if value.is_array() { json!([]) } else { json!({}) }
}
