//! JSON patch (RFC 6902).

use serde_json::Value;

/// Most operations of one patch; the API server's own bound.
const OPERATIONS_MAX: usize = 10_000;

/// Why a patch was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PatchError {
    /// A `test` failed.
    Test(String),
    /// The patch does not fit the document, or is none.
    Invalid(String),
}

/// The document after all operations, or none of them.
pub(super) fn apply(document: &Value, operations: &Value) -> Result<Value, PatchError> {
    let operations = operations.as_array().ok_or_else(|| PatchError::Invalid("a patch is a list".into()))?;
    if operations.len() > OPERATIONS_MAX {
        return Err(PatchError::Invalid(format!("a patch has at most {OPERATIONS_MAX} operations")));
    }
    let mut document = document.clone();
    for operation in operations {
        one(&mut document, operation)?;
    }
    Ok(document)
}

fn one(document: &mut Value, operation: &Value) -> Result<(), PatchError> {
    let word = |name: &str| operation.get(name).and_then(Value::as_str);
    let need = |name: &str| word(name).ok_or_else(|| PatchError::Invalid(format!("an operation has no `{name}`")));
    let value = || operation.get("value").cloned().unwrap_or(Value::Null);
    let path = need("path")?;
    match need("op")? {
        "test" => {
            let equal = document.pointer(path).unwrap_or(&Value::Null) == &value();
            if equal { Ok(()) } else { Err(PatchError::Test(format!("testing value {path} failed: test failed"))) }
        }
        "add" => add(document, path, value()),
        "remove" => remove(document, path).map(drop),
        "replace" => {
            let slot = document.pointer_mut(path).ok_or_else(|| absent(path))?;
            *slot = value();
            Ok(())
        }
        "move" => {
            let moved = remove(document, need("from")?)?;
            add(document, path, moved)
        }
        "copy" => {
            let from = need("from")?;
            let copied = document.pointer(from).cloned().ok_or_else(|| absent(from))?;
            add(document, path, copied)
        }
        other => Err(PatchError::Invalid(format!("unexpected kind of operation: {other}"))),
    }
}

fn absent(path: &str) -> PatchError {
    PatchError::Invalid(format!("there is nothing at `{path}`"))
}

fn split(path: &str) -> Result<(&str, String), PatchError> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| absent(path))?;
    Ok((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), PatchError> {
    let (parent, last) = split(path)?;
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.insert(last, value);
        }
        Some(Value::Array(items)) => {
            let index = if last == "-" { Some(items.len()) } else { last.parse().ok() };
            let index = index.filter(|index| *index <= items.len()).ok_or_else(|| absent(path))?;
            items.insert(index, value);
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => return Err(absent(path)),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, PatchError> {
    let (parent, last) = split(path)?;
    let removed = match document.pointer_mut(parent) {
        Some(Value::Object(map)) => map.shift_remove(&last),
        Some(Value::Array(items)) => {
            last.parse().ok().filter(|index| *index < items.len()).map(|index| items.remove(index))
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => None,
    };
    removed.ok_or_else(|| absent(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_do_what_the_rfc_says() {
        let document = json!({"a": {"b/c": 1}, "l": [1, 2]});
        let check = |operations: Value, expected: Result<Value, PatchError>| {
            assert_eq!(apply(&document, &operations), expected);
        };
        check(
            json!([{"op": "test", "path": "/a/b~1c", "value": 1}, {"op": "remove", "path": "/a/b~1c"}]),
            Ok(json!({"a": {}, "l": [1, 2]})),
        );
        check(
            json!([{"op": "add", "path": "/l/1", "value": 9}, {"op": "add", "path": "/l/-", "value": 3}]),
            Ok(json!({"a": {"b/c": 1}, "l": [1, 9, 2, 3]})),
        );
        check(json!([{"op": "move", "from": "/l/0", "path": "/x"}]), Ok(json!({"a": {"b/c": 1}, "l": [2], "x": 1})));
        check(
            json!([{"op": "test", "path": "/l", "value": []}]),
            Err(PatchError::Test("testing value /l failed: test failed".into())),
        );
        check(json!([{"op": "replace", "path": "/z", "value": 1}]), Err(absent("/z")));
    }
}
