//! Whether a document fits its shape.

use serde_json::Value;

use super::shape::{ListRule, Shape, fields};
use crate::cluster::InvalidField;

/// Fields of the wrong type, and fields that the kind does not have.
///
/// The API server refuses both when it reads an applied document.
pub(super) fn misfits(shape: &Shape, value: &Value) -> Vec<InvalidField> {
    let mut out = Vec::new();
    walk(shape, value, &mut String::new(), &mut out);
    out
}

fn walk(shape: &Shape, value: &Value, path: &mut String, out: &mut Vec<InvalidField>) {
    let wrong = |path: &str, out: &mut Vec<InvalidField>, message: &str| {
        out.push(field(path, "FieldValueTypeInvalid", message));
    };
    match (shape, value) {
        (_, Value::Null) | (Shape::Any, _) => {}
        (Shape::Text, Value::String(_)) | (Shape::Flag, Value::Bool(_)) | (Shape::Number, Value::Number(_)) => {}
        (Shape::Whole, Value::Number(number)) if number.is_i64() || number.is_u64() => {}
        (Shape::Text, _) => wrong(path, out, "expected string"),
        (Shape::Flag, _) => wrong(path, out, "expected boolean"),
        (Shape::Number | Shape::Whole, _) => wrong(path, out, "expected numeric"),
        (Shape::Atomic(inner), _) => walk(inner, value, path, out),
        (Shape::Map(inner), Value::Object(map)) => {
            for (name, inner_value) in map {
                below(path, name, |path| walk(inner, inner_value, path, out));
            }
        }
        (Shape::List(inner, rule), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                let length = path.len();
                path.push_str(&format!("[{index}]"));
                if let ListRule::Keys(names) = rule
                    && super::fieldset::element_of(item, rule).is_none()
                {
                    wrong(path, out, &format!("has a missing or invalid key field of {names:?}"));
                }
                walk(inner, item, path, out);
                path.truncate(length);
            }
        }
        (Shape::Record(_) | Shape::Named(_), Value::Object(map)) => {
            let Some(record) = fields(shape) else { return };
            for (name, inner_value) in map {
                below(path, name, |path| match record.field(name) {
                    Some(inner) => walk(inner, inner_value, path, out),
                    None => out.push(field(path, "FieldValueInvalid", "field not declared in schema")),
                });
            }
        }
        (Shape::Map(_) | Shape::Record(_) | Shape::Named(_), _) => wrong(path, out, "expected map"),
        (Shape::List(..), _) => wrong(path, out, "expected list"),
    }
}

/// Fields that must be there and are not.
pub(super) fn missing(shape: &Shape, value: &Value) -> Vec<InvalidField> {
    let mut out = Vec::new();
    require(shape, value, &mut String::new(), &mut out);
    out
}

fn require(shape: &Shape, value: &Value, path: &mut String, out: &mut Vec<InvalidField>) {
    match (shape, value) {
        (Shape::Atomic(inner), _) => require(inner, value, path, out),
        (Shape::Map(inner), Value::Object(map)) => {
            for (name, inner_value) in map {
                below(path, name, |path| require(inner, inner_value, path, out));
            }
        }
        (Shape::List(inner, _), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                let length = path.len();
                path.push_str(&format!("[{index}]"));
                require(inner, item, path, out);
                path.truncate(length);
            }
        }
        (Shape::Record(_) | Shape::Named(_), Value::Object(map)) => {
            let Some(record) = fields(shape) else { return };
            for name in record.required.iter().filter(|name| !map.contains_key(*name)) {
                below(path, name, |path| out.push(field(path, "FieldValueRequired", "Required value")));
            }
            for (name, inner_value) in map {
                if let Some(inner) = record.field(name) {
                    below(path, name, |path| require(inner, inner_value, path, out));
                }
            }
        }
        _ => {}
    }
}

fn below(path: &mut String, name: &str, act: impl FnOnce(&mut String)) {
    let length = path.len();
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
    act(path);
    path.truncate(length);
}

fn field(path: &str, reason: &str, message: &str) -> InvalidField {
    InvalidField { field: path.to_owned(), reason: reason.to_owned(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn misfits_are_named() {
        let check = |value: Value, expected: &[&str]| {
            let shape = Shape::Named("Deployment");
            let found: Vec<String> = misfits(&shape, &value).into_iter().map(|field| field.field).collect();
            assert_eq!(found, expected);
        };
        check(json!({"spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "a"}]}}}}), &[]);
        check(json!({"spec": {"replicas": "3", "colour": 1}}), &["spec.replicas", "spec.colour"]);
        check(json!({"spec": {"template": {"spec": {"containers": [{}]}}}}), &["spec.template.spec.containers[0]"]);
    }
}
