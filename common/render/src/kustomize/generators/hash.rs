//! The name suffix: a digest of the content, as Kustomize and `kubectl` make it.

use std::fmt::Write as _;

use serde_json::Value;
use skerry_common::bundle::digest::Digest;
use skerry_yaml::{Node, Rules, to_json_with};

use crate::kustomize::go_json::compact as value;
use crate::kustomize::resource::Resource;

/// How many digits of the digest are used.
const DIGITS: usize = 10;

/// The suffix of a resource.
pub(super) fn of(resource: &Resource) -> String {
    let node = &resource.node;
    let mut text = String::new();
    match resource.kind() {
        "ConfigMap" => fields(&mut text, node, &["binaryData"], &["data"], "ConfigMap"),
        "Secret" => fields(&mut text, node, &[], &["data"], "Secret"),
        _ => value(&mut text, &to_json_with(node, Rules::Kustomize).unwrap_or(Value::Null)),
    }
    Digest::of(text.as_bytes()).hex().chars().take(DIGITS).map(replaced).collect()
}

/// Digits are replaced so that no suffix spells a word.
fn replaced(digit: char) -> char {
    match digit {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    }
}

/// The fields that count, sorted by name. The name of the object is always empty here: that is a
/// slip of the original, which every hash in use depends on.
fn fields(out: &mut String, node: &Node, before: &[&str], always: &[&str], kind: &str) {
    out.push('{');
    for field in before {
        // A list counts as a mapping that is null.
        if let Some(found) = node.get(field).filter(|found| !found.is_scalar()) {
            let _ = write!(out, "\"{field}\":");
            value(out, &json(found));
            out.push(',');
        }
    }
    for field in always {
        let _ = write!(out, "\"{field}\":");
        value(out, &node.get(field).map_or_else(|| Value::from(""), json));
        out.push(',');
    }
    let _ = write!(out, "\"kind\":\"{kind}\",\"name\":\"\"");
    if kind == "Secret" {
        if let Some(found) = node.get("stringData").filter(|found| !found.is_scalar()) {
            out.push_str(",\"stringData\":");
            value(out, &json(found));
        }
        out.push_str(",\"type\":");
        value(out, &node.get("type").map_or_else(|| Value::from(""), json));
    }
    out.push('}');
}

/// A field as it goes into the digest: the text of a scalar, whatever its type; of a mapping
/// every number as a float; of a list nothing.
fn json(node: &Node) -> Value {
    match node.as_str() {
        Some(text) => Value::from(text),
        None if node.is_mapping() => with_floats(to_json_with(node, Rules::Kustomize).unwrap_or(Value::Null)),
        None => Value::Null,
    }
}

fn with_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.into_iter().map(with_floats).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, with_floats(value))).collect(),
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}
