//! Paths into an object: elements, and where they lead.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use skerry_common::canonical;

use super::FieldSet;

/// One step of a path. Values are held as canonical JSON, so that equal ones are equal texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A field of a mapping.
    Field(String),
    /// A list item by its merge keys.
    Key(BTreeMap<String, String>),
    /// An item of a set.
    Value(String),
    /// A list item by its place.
    Index(usize),
}

/// A path from the root of an object.
pub type FieldPath = Vec<Element>;

impl Element {
    /// Reads one key of a `FieldsV1` tree.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::Field(rest.to_owned())),
            "k" => {
                let keys: BTreeMap<String, Value> = serde_json::from_str(rest).ok()?;
                Some(Self::Key(keys.into_iter().map(|(name, value)| (name, text_of(&value))).collect()))
            }
            "v" => serde_json::from_str(rest).ok().map(|value: Value| Self::Value(text_of(&value))),
            "i" => rest.parse().ok().map(Self::Index),
            _ => None,
        }
    }

    /// Where it leads from `parent`: the token of a JSON pointer, and the value there.
    pub fn find<'a>(&self, parent: &'a Value) -> Option<(String, &'a Value)> {
        match (self, parent) {
            (Self::Field(name), Value::Object(map)) => map.get(name).map(|value| (name.clone(), value)),
            (Self::Index(index), Value::Array(items)) => items.get(*index).map(|value| (index.to_string(), value)),
            (Self::Key(_) | Self::Value(_), Value::Array(items)) => items
                .iter()
                .enumerate()
                .find(|(_, item)| self.names(item))
                .map(|(index, item)| (index.to_string(), item)),
            (Self::Field(_) | Self::Key(_) | Self::Value(_) | Self::Index(_), _) => None,
        }
    }

    /// Whether a list item is the one that a key or value names.
    pub fn names(&self, item: &Value) -> bool {
        match self {
            Self::Key(keys) => {
                keys.iter().all(|(name, wanted)| item.get(name).is_some_and(|found| text_of(found) == *wanted))
            }
            Self::Value(wanted) => text_of(item) == *wanted,
            Self::Field(_) | Self::Index(_) => false,
        }
    }
}

fn text_of(value: &Value) -> String {
    String::from_utf8_lossy(&canonical::to_bytes(value)).into_owned()
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "f:{name}"),
            Self::Value(text) => write!(f, "v:{text}"),
            Self::Index(index) => write!(f, "i:{index}"),
            Self::Key(keys) => {
                f.write_str("k:{")?;
                for (index, (name, value)) in keys.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{}:{value}", Value::from(name.as_str()))?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Whether the set has the field to which `tokens` lead in `live`.
pub(super) fn manages(set: &FieldSet, live: &Value, tokens: &[String]) -> bool {
    if set.is_leaf() {
        return true;
    }
    let Some((token, rest)) = tokens.split_first() else { return set.is_member() };
    let Some((child, value)) = step(set, live, token) else { return false };
    manages(child, value, rest)
}

/// The child of a set node that a pointer's token names in `live`.
pub(super) fn step<'s, 'v>(set: &'s FieldSet, live: &'v Value, token: &str) -> Option<(&'s FieldSet, &'v Value)> {
    static ABSENT: Value = Value::Null;
    match live {
        Value::Array(items) => {
            let index: usize = token.parse().ok()?;
            let item = items.get(index)?;
            let by_content = set.children().find(|(element, _)| element.names(item)).map(|(_, child)| child);
            by_content.or_else(|| set.child(&Element::Index(index))).map(|child| (child, item))
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let child = set.child(&Element::Field(token.to_owned()))?;
            Some((child, live.get(token).unwrap_or(&ABSENT)))
        }
    }
}
