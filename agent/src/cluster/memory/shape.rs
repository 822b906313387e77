//! What an object of a kind looks like: its fields, and which lists and maps are owned as a whole.
//!
//! The shapes of built-in kinds are data, `shapes.txt`, made by `shapes.py` from the OpenAPI document that the API
//! server publishes; those of custom resources come from their definition's schema.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

/// The shape of a value.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// A text.
    Text,
    /// A whole number.
    Whole,
    /// Any number.
    Number,
    /// A flag.
    Flag,
    /// Anything: maps are owned by key, lists as a whole.
    Any,
    /// Named fields.
    Record(Arc<Record>),
    /// A record of `shapes.txt`, by name: they refer to each other in circles.
    Named(&'static str),
    /// Free keys.
    Map(Arc<Shape>),
    /// Items.
    List(Arc<Shape>, ListRule),
    /// Owned and replaced as a whole.
    Atomic(Arc<Shape>),
}

/// How the items of a list are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListRule {
    /// Not at all: the list is owned as a whole.
    Whole,
    /// By their value.
    Set,
    /// By these fields.
    Keys(Vec<String>),
}

/// Named fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    /// Field → shape.
    pub(super) fields: BTreeMap<String, Shape>,
    /// Fields that must be there.
    pub(super) required: Vec<String>,
    /// Whether unknown fields are kept.
    pub(super) open: bool,
}

static RECORDS: LazyLock<BTreeMap<&'static str, Record>> = LazyLock::new(|| {
    include_str!("shapes.txt")
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, record(words)))
        })
        .collect()
});

fn record(words: std::str::Split<'static, char>) -> Record {
    let mut record = Record::default();
    for (field, shape) in words.filter_map(|word| word.split_once('=')) {
        let name = field.trim_end_matches('!');
        if name.len() < field.len() {
            record.required.push(name.to_owned());
        }
        record.fields.insert(name.to_owned(), parse(shape));
    }
    record
}

fn parse(text: &'static str) -> Shape {
    if let Some(inner) = text.strip_prefix('~') {
        return Shape::Atomic(Arc::new(parse(inner)));
    }
    if let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        return Shape::Map(Arc::new(parse(inner)));
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let (item, rule) = match inner.split_once('|') {
            None => (inner, ListRule::Whole),
            Some((item, "set")) => (item, ListRule::Set),
            Some((item, keys)) => (item, ListRule::Keys(keys.split(',').map(str::to_owned).collect())),
        };
        return Shape::List(Arc::new(parse(item)), rule);
    }
    match text {
        "s" => Shape::Text,
        "i" => Shape::Whole,
        "n" => Shape::Number,
        "b" => Shape::Flag,
        "*" => Shape::Any,
        name => Shape::Named(name),
    }
}

/// The fields of a record; `None` for every other shape.
pub(super) fn fields(shape: &Shape) -> Option<&Record> {
    match shape {
        Shape::Record(record) => Some(record),
        Shape::Named(name) => RECORDS.get(name),
        Shape::Atomic(inner) => fields(inner),
        Shape::Text | Shape::Whole | Shape::Number | Shape::Flag | Shape::Any | Shape::Map(_) | Shape::List(..) => None,
    }
}

/// How a value is walked: what owning and merging need to know of its shape.
pub(super) enum Step<'a> {
    /// Owned as a whole.
    Leaf,
    /// By named fields.
    Fields(&'a Record),
    /// By key.
    Keys(&'a Shape),
    /// By item.
    Items(&'a Shape, &'a ListRule),
}

/// How a value of this shape is walked.
pub(super) fn step<'a>(shape: &'a Shape, value: &Value) -> Step<'a> {
    match shape {
        Shape::Text | Shape::Whole | Shape::Number | Shape::Flag | Shape::Atomic(_) => Step::Leaf,
        Shape::Any if value.is_object() => Step::Keys(&Shape::Any),
        Shape::Any | Shape::List(_, ListRule::Whole) => Step::Leaf,
        Shape::Record(_) | Shape::Named(_) => fields(shape).map_or(Step::Leaf, Step::Fields),
        Shape::Map(inner) => Step::Keys(inner),
        Shape::List(item, rule) => Step::Items(item, rule),
    }
}

impl Record {
    /// The shape of a field; unknown ones of open records are anything.
    pub(super) fn field(&self, name: &str) -> Option<&Shape> {
        self.fields.get(name).or(self.open.then_some(&Shape::Any))
    }
}

/// The shape of a custom resource, from the schema of its definition.
pub(super) fn of_schema(schema: &Value) -> Shape {
    let Shape::Record(body) = of_property(schema) else { return Shape::Any };
    let mut body = Arc::unwrap_or_clone(body);
    for name in ["apiVersion", "kind"] {
        body.fields.insert(name.to_owned(), Shape::Text);
    }
    body.fields.insert("metadata".to_owned(), Shape::Named("ObjectMeta"));
    Shape::Record(Arc::new(body))
}

fn of_property(schema: &Value) -> Shape {
    let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or(false);
    let word = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or_default();
    let shape = match word("type") {
        "string" => Shape::Text,
        "integer" => Shape::Whole,
        "number" => Shape::Number,
        "boolean" => Shape::Flag,
        "array" => Shape::List(Arc::new(schema.get("items").map_or(Shape::Any, of_property)), list_rule(schema)),
        "object" => match (schema.get("properties").and_then(Value::as_object), schema.get("additionalProperties")) {
            (None, Some(values)) => Shape::Map(Arc::new(of_property(values))),
            (None, None) if flag("x-kubernetes-preserve-unknown-fields") => Shape::Any,
            (properties, _) => Shape::Record(Arc::new(Record {
                fields: properties
                    .into_iter()
                    .flatten()
                    .map(|(name, property)| (name.clone(), of_property(property)))
                    .collect(),
                required: texts(schema.get("required")),
                open: flag("x-kubernetes-preserve-unknown-fields"),
            })),
        },
        _ => Shape::Any,
    };
    if word("x-kubernetes-map-type") == "atomic" { Shape::Atomic(Arc::new(shape)) } else { shape }
}

fn list_rule(schema: &Value) -> ListRule {
    match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListRule::Set,
        Some("map") => ListRule::Keys(texts(schema.get("x-kubernetes-list-map-keys"))),
        _ => ListRule::Whole,
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_table_is_in_the_table() {
        fn check(shape: &Shape, owner: &str) {
            match shape {
                Shape::Named(name) => assert!(RECORDS.contains_key(name), "`{name}` in `{owner}`"),
                Shape::Map(inner) | Shape::List(inner, _) | Shape::Atomic(inner) => check(inner, owner),
                Shape::Text | Shape::Whole | Shape::Number | Shape::Flag | Shape::Any | Shape::Record(_) => {}
            }
        }
        for (name, record) in RECORDS.iter() {
            record.fields.values().for_each(|shape| check(shape, name));
        }
        assert!(RECORDS.len() > 200);
    }
}
