//! Sets of fields, as `managedFields` keeps them (`FieldsV1`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use skerry_common::canonical;

use super::shape::{ListRule, Shape, Step, fields, step};

/// One step down into an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Element {
    /// A field or key, `f:name`.
    Field(String),
    /// A list item told apart by fields, `k:{…}`; the fields in canonical JSON.
    Keys(String),
    /// A list item told apart by its value, `v:…`; canonical JSON.
    Item(String),
}

impl Element {
    fn text(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Keys(keys) => format!("k:{keys}"),
            Self::Item(value) => format!("v:{value}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::Field(rest.to_owned())),
            "k" => Some(Self::Keys(rest.to_owned())),
            "v" => Some(Self::Item(rest.to_owned())),
            _ => None,
        }
    }

    /// As it is shown in a path: `.name`, `[name="web"]`, `["a"]`.
    fn shown(&self) -> String {
        match self {
            Self::Field(name) => format!(".{name}"),
            Self::Item(value) => format!("[={value}]"),
            Self::Keys(keys) => {
                let keys: BTreeMap<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let parts: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("[{}]", parts.join(","))
            }
        }
    }
}

/// Fields of an object: a tree whose marked nodes are members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct FieldSet {
    children: BTreeMap<Element, Node>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Node {
    member: bool,
    below: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl FieldSet {
    /// True without members: no node is kept that has none below it.
    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// Whether this child itself is a member.
    pub(super) fn has(&self, element: &Element) -> bool {
        self.children.get(element).is_some_and(|node| node.member)
    }

    /// The members below a child.
    pub(super) fn below(&self, element: &Element) -> Option<&Self> {
        self.children.get(element).map(|node| &node.below).filter(|below| !below.is_empty())
    }

    /// Adds a child as a member.
    pub(super) fn insert(&mut self, element: Element) {
        self.children.entry(element).or_default().member = true;
    }

    /// Adds members below a child.
    pub(super) fn graft(&mut self, element: Element, below: Self) {
        if !below.is_empty() {
            let node = self.children.entry(element).or_default();
            node.below = std::mem::take(&mut node.below).union(&below);
        }
    }

    /// Members of either.
    pub(super) fn union(mut self, other: &Self) -> Self {
        for (element, node) in &other.children {
            let mine = self.children.entry(element.clone()).or_default();
            mine.member |= node.member;
            mine.below = std::mem::take(&mut mine.below).union(&node.below);
        }
        self
    }

    /// Members of both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |mine, theirs| mine && theirs, |_| Self::default())
    }

    /// Members of this one that are not members of the other.
    pub(super) fn difference(&self, other: &Self) -> Self {
        self.zip(other, |mine, theirs| mine && !theirs, Clone::clone)
    }

    fn zip(&self, other: &Self, member: fn(bool, bool) -> bool, alone: fn(&Self) -> Self) -> Self {
        let mut out = Self::default();
        for (element, node) in &self.children {
            let joined = match other.children.get(element) {
                Some(theirs) => Node {
                    member: member(node.member, theirs.member),
                    below: node.below.zip(&theirs.below, member, alone),
                },
                None => Node { member: member(node.member, false), below: alone(&node.below) },
            };
            if !joined.is_empty() {
                out.children.insert(element.clone(), joined);
            }
        }
        out
    }

    /// Without this child and everything below it.
    pub(super) fn remove(&mut self, element: &Element) {
        self.children.remove(element);
    }

    /// Without members below `metadata` that the server sets itself.
    pub(super) fn strip_metadata(&mut self, names: &[&str]) {
        let metadata = Element::Field("metadata".into());
        if let Some(node) = self.children.get_mut(&metadata) {
            node.member = false;
            for name in names {
                node.below.remove(&Element::Field((*name).into()));
            }
            if node.is_empty() {
                self.children.remove(&metadata);
            }
        }
    }

    /// Also marks every named field that has members below it.
    pub(super) fn with_named_fields(&self, shape: &Shape) -> Self {
        let mut out = Self::default();
        for (element, node) in &self.children {
            let (inner, named) = match (element, shape_below(shape, element)) {
                (Element::Field(name), Some(inner)) => {
                    (Some(inner), fields(shape).is_some_and(|record| record.fields.contains_key(name)))
                }
                (Element::Field(_) | Element::Keys(_) | Element::Item(_), inner) => (inner, false),
            };
            let below = inner.map_or_else(|| node.below.clone(), |inner| node.below.with_named_fields(inner));
            let member = node.member || (named && !below.is_empty());
            out.children.insert(element.clone(), Node { member, below });
        }
        out
    }

    /// Paths of all members, as error messages show them.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect("", &mut out);
        out
    }

    fn collect(&self, prefix: &str, out: &mut Vec<String>) {
        for (element, node) in &self.children {
            let path = format!("{prefix}{}", element.shown());
            if node.member {
                out.push(path.clone());
            }
            node.below.collect(&path, out);
        }
    }

    /// Writes `fieldsV1`.
    pub(super) fn to_json(&self) -> Value {
        let mut map = Map::new();
        for (element, node) in &self.children {
            let mut below = Map::new();
            if node.member && !node.below.is_empty() {
                below.insert(".".into(), json!({}));
            }
            if let Value::Object(rest) = node.below.to_json() {
                below.extend(rest);
            }
            map.insert(element.text(), Value::Object(below));
        }
        Value::Object(map)
    }

    /// Reads `fieldsV1`; what it does not know it leaves out.
    pub(super) fn from_json(value: &Value) -> Self {
        let mut out = Self::default();
        for (key, below) in value.as_object().into_iter().flatten() {
            let Some(element) = Element::parse(key) else { continue };
            let member = below.get(".").is_some() || below.as_object().is_none_or(Map::is_empty);
            out.children.insert(element, Node { member, below: Self::from_json(below) });
        }
        out
    }
}

fn shape_below<'a>(shape: &'a Shape, element: &Element) -> Option<&'a Shape> {
    match (shape, element) {
        (Shape::Map(inner), Element::Field(_)) => Some(inner),
        (Shape::List(inner, _), Element::Keys(_) | Element::Item(_)) => Some(inner),
        (_, Element::Field(name)) => fields(shape).and_then(|record| record.field(name)),
        (_, Element::Keys(_) | Element::Item(_)) => None,
    }
}

/// The element under which an item of a list is owned; `None` when a key field is missing.
pub(super) fn element_of(item: &Value, rule: &ListRule) -> Option<Element> {
    match rule {
        ListRule::Whole => None,
        ListRule::Set => Some(Element::Item(text(item))),
        ListRule::Keys(names) => {
            let mut keys = Map::new();
            for name in names {
                // The one key field with a default: ports are told apart by number and protocol, TCP when unsaid.
                let default = (name == "protocol").then(|| json!("TCP"));
                keys.insert(name.clone(), item.get(name).cloned().or(default)?);
            }
            Some(Element::Keys(text(&Value::Object(keys))))
        }
    }
}

fn text(value: &Value) -> String {
    String::from_utf8_lossy(&canonical::to_bytes(value)).into_owned()
}

/// All fields that a document sets.
pub(super) fn fields_of(shape: &Shape, value: &Value) -> FieldSet {
    let mut out = FieldSet::default();
    match step(shape, value) {
        Step::Leaf => {}
        Step::Fields(record) => {
            for (name, inner) in value.as_object().into_iter().flatten() {
                let Some(shape) = record.field(name) else { continue };
                add(&mut out, Element::Field(name.clone()), shape, inner, !record.fields.contains_key(name));
            }
        }
        Step::Keys(shape) => {
            for (name, inner) in value.as_object().into_iter().flatten() {
                add(&mut out, Element::Field(name.clone()), shape, inner, true);
            }
        }
        Step::Items(shape, rule) => {
            for item in value.as_array().into_iter().flatten() {
                if let Some(element) = element_of(item, rule) {
                    add(&mut out, element, shape, item, true);
                }
            }
        }
    }
    out
}

/// A free key and a list item are members themselves; a named field is one when nothing is below it.
fn add(out: &mut FieldSet, element: Element, shape: &Shape, value: &Value, free: bool) {
    let leaf = matches!(step(shape, value), Step::Leaf);
    let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
    if free || leaf || empty {
        out.insert(element.clone());
    }
    if !leaf {
        out.graft(element, fields_of(shape, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_owns_what_it_sets() {
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "labels": {"app": "web"}, "finalizers": ["a/b"]},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
        });
        let set = fields_of(&Shape::Named("Service"), &service);
        let expected = json!({
            "f:apiVersion": {}, "f:kind": {},
            "f:metadata": {"f:finalizers": {"v:\"a/b\"": {}}, "f:labels": {"f:app": {}}, "f:name": {}},
            "f:spec": {
                "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:targetPort": {}}},
                "f:selector": {},
            },
        });
        assert_eq!(set.to_json(), expected);
        assert_eq!(FieldSet::from_json(&expected), set);
        assert!(set.difference(&set).is_empty());
        assert_eq!(set.intersection(&set), set);
        assert!(set.paths().contains(&".spec.ports[port=80,protocol=\"TCP\"].targetPort".to_owned()));
    }
}
