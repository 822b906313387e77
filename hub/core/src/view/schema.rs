//! JSON schemas of the views, for the OpenAPI document.
//!
//! Each is read off two examples of the type itself: one in which everything is set, which has every
//! field because the compiler wants it so, and one in which nothing is set that need not be. What only
//! the first has is optional, what is null in the second is nullable.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

mod examples;

/// What words a text may be, by the field's name.
const WORDS: &[(&str, &[&str])] = &[
    ("contact", &["connected", "late", "offline", "revoked", "pending"]),
    ("sync", &["current", "rolling", "held", "failed", "unknown"]),
    ("health", &["healthy", "progressing", "degraded", "suspended", "unknown"]),
    ("urgency", &["broken", "waiting", "unknown"]),
    ("severity", &["warning", "error"]),
    ("outcome", &["healed", "gone", "reported"]),
];

/// Fields that are maps from any key to a text.
const MAPS: &[&str] = &["labels"];

/// The schemas, by the name of the view.
pub fn schemas() -> BTreeMap<&'static str, Value> {
    examples::all().unwrap_or_default().into_iter().collect()
}

/// The schema of a type of which these are examples; `None` when they cannot be written.
fn of<T: Serialize>(full: &T, sparse: &T) -> Option<Value> {
    let (full, sparse) = (serde_json::to_value(full).ok()?, serde_json::to_value(sparse).ok()?);
    Some(infer("", &full, Some(&sparse)))
}

fn infer(field: &str, full: &Value, sparse: Option<&Value>) -> Value {
    let mut schema = match full {
        Value::Null => json!({}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_f64() => json!({"type": "number"}),
        Value::Number(_) => json!({"type": "integer", "minimum": 0}),
        Value::String(_) => text(field),
        Value::Array(items) => {
            let item = items.first().map_or_else(|| json!({}), |item| infer(singular(field), item, items.get(1)));
            json!({"type": "array", "items": item})
        }
        Value::Object(_) if MAPS.contains(&field) => {
            json!({"type": "object", "additionalProperties": {"type": "string"}})
        }
        Value::Object(fields) => object(fields, sparse),
    };
    if sparse.is_some_and(Value::is_null) && !full.is_null() {
        schema["type"] = json!([schema["type"], "null"]);
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
    }
    schema
}

/// The name of one thing of a list, for [`WORDS`].
fn singular(field: &str) -> &str {
    field.strip_suffix('s').unwrap_or(field)
}

fn text(field: &str) -> Value {
    if let Some((_, words)) = WORDS.iter().find(|(name, _)| *name == field) {
        return json!({"type": "string", "enum": words});
    }
    if field == "at" || field.ends_with("At") {
        json!({"type": "string", "format": "date-time"})
    } else {
        json!({"type": "string"})
    }
}

fn object(fields: &Map<String, Value>, sparse: Option<&Value>) -> Value {
    let sparse = sparse.and_then(Value::as_object);
    let mut properties = Map::new();
    for (name, value) in fields {
        properties.insert(name.clone(), infer(name, value, sparse.and_then(|sparse| sparse.get(name))));
    }
    // Without a second example every field counts as always there.
    let is_required = |name: &&String| sparse.is_none_or(|sparse| sparse.contains_key(*name));
    let required: Vec<&String> = fields.keys().filter(is_required).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_has_its_fields() {
        let schemas = schemas();
        for name in [
            "ApplicationView",
            "ClusterView",
            "Confirmed",
            "DriftView",
            "EventView",
            "FleetView",
            "GroupView",
            "ObjectView",
            "OfflineReply",
            "RevisionView",
            "SourceView",
            "SyncRequested",
            "WhyView",
        ] {
            let properties = schemas.get(name).and_then(|schema| schema["properties"].as_object());
            assert!(properties.is_some_and(|properties| !properties.is_empty()), "{name}");
        }
    }

    #[test]
    fn what_may_be_absent_or_null_is_told() {
        let schemas = schemas();
        let event = &schemas["EventView"];
        let required: Vec<_> = event["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert!(required.contains(&"message") && !required.contains(&"cluster"), "{event}");
        let cluster = &schemas["ClusterView"]["properties"];
        assert_eq!(cluster["observedAt"], json!({"type": ["string", "null"], "format": "date-time"}));
        assert_eq!(cluster["drift"], json!({"type": "integer", "minimum": 0}));
        assert_eq!(cluster["labels"]["additionalProperties"]["type"], "string");
        assert_eq!(cluster["target"]["type"], json!(["object", "null"]));
        assert_eq!(cluster["conditions"]["items"]["properties"]["status"]["type"], "boolean");
        assert_eq!(schemas["DriftView"]["properties"]["outcome"]["enum"][3], Value::Null);
    }

    /// Where a schema says nothing, an example is empty.
    fn check_filled(path: &str, schema: &Value) {
        assert!(schema["type"] != Value::Null, "{path}");
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            check_filled(&format!("{path}.{name}"), field);
        }
        if schema["type"] == "array" {
            check_filled(&format!("{path}[]"), &schema["items"]);
        }
    }

    #[test]
    fn no_example_is_empty_where_something_could_be() {
        for (name, schema) in schemas() {
            check_filled(name, &schema);
        }
    }
}
