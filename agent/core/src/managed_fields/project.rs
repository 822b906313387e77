//! One value, and one digest, of exactly the fields of a set.

use serde_json::{Map, Value, json};
use skerry_common::bundle::digest::Digest;
use skerry_common::canonical;

use super::FieldSet;

/// What an object holds at the paths of a set.
///
/// Every path of the set appears, also one that leads nowhere in the object, so that losing a field
/// and losing the management of a field both change the outcome. A leaf's value stands as `[value]`.
pub fn project(object: &Value, set: &FieldSet) -> Value {
    node(Some(object), set)
}

/// The digest of a projection; it tells nothing of the values.
pub fn projection_digest(object: &Value, set: &FieldSet) -> Digest {
    Digest::of(&canonical::to_bytes(&project(object, set)))
}

fn node(value: Option<&Value>, set: &FieldSet) -> Value {
    if set.is_leaf() {
        return Value::Array(value.cloned().into_iter().collect());
    }
    let mut out = Map::new();
    if set.is_member() {
        out.insert(".".into(), json!(value.is_some()));
    }
    for (element, child) in set.children() {
        let below = value.and_then(|value| element.find(value)).map(|(_, below)| below);
        out.insert(element.to_string(), node(below, child));
    }
    Value::Object(out)
}
