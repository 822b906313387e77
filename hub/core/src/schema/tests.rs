use super::*;
use std::path::Path;

/// Collects every pattern of a schema.
fn patterns(schema: &Value, out: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(pattern)) = map.get("pattern") {
                out.push(pattern.clone());
            }
            map.values().for_each(|value| patterns(value, out));
        }
        Value::Array(items) => items.iter().for_each(|value| patterns(value, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_committed_schemas_are_those_of_the_table() {
    for kind in Kind::ALL {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/schemas/{kind}.json"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let help = "stale: run `cargo run -p skerry-hub-core --example schemas`";
        assert!(committed == text(kind).expect("JSON"), "docs/schemas/{kind}.json is {help}");
    }
}

#[test]
fn patterns_are_regular_expressions() {
    for kind in Kind::ALL {
        let mut found = Vec::new();
        patterns(&schema(kind), &mut found);
        assert!(!found.is_empty());
        for pattern in found {
            assert!(regex::Regex::new(&pattern).is_ok(), "{pattern}");
        }
    }
}

#[test]
fn what_is_not_supported_yet_is_not_offered() {
    let group = schema(Kind::ClusterGroup);
    assert!(group.pointer("/properties/spec/properties/selector").is_some());
    assert!(group.pointer("/properties/spec/properties/rollout").is_none());
    let reference = schema(Kind::Source);
    let reference = reference.pointer("/properties/spec/properties/git/properties/ref").expect("a ref");
    assert_eq!((&reference["minProperties"], &reference["maxProperties"]), (&json!(1), &json!(1)));
}
