//! What a schema must look like for Kustomize to read it at all.

use serde_json::Value;

/// Whether a value has the form of a schema; `null` is one that says nothing.
pub(crate) fn is_schema(schema: &Value) -> bool {
    let Some(fields) = schema.as_object() else { return schema.is_null() };
    fields.iter().all(|(name, value)| value.is_null() || is_field(name, value))
}

fn is_field(name: &str, value: &Value) -> bool {
    match name {
        "description" | "format" | "title" | "pattern" | "id" | "discriminator" => value.is_string(),
        "minimum" | "maximum" | "multipleOf" => value.is_number(),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => value.is_i64(),
        "nullable" | "readOnly" | "uniqueItems" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_boolean(),
        "type" => value.is_string() || is_list(value, Value::is_string),
        "required" => is_list(value, Value::is_string),
        "enum" => value.is_array(),
        "properties" | "patternProperties" | "definitions" => {
            value.as_object().is_some_and(|schemas| schemas.values().all(is_schema))
        }
        "allOf" | "anyOf" | "oneOf" => is_list(value, is_schema),
        "items" => {
            if value.is_array() {
                is_list(value, is_schema)
            } else {
                !value.is_object() || is_schema(value)
            }
        }
        "additionalProperties" | "additionalItems" => value.is_boolean() || is_schema(value),
        "not" => is_schema(value),
        "externalDocs" | "dependencies" => value.is_object(),
        _ => true,
    }
}

fn is_list(value: &Value, test: fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|values| values.iter().all(test))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_told_from_other_values() {
        let check = |schema: Value, expected: bool| assert_eq!(is_schema(&schema), expected, "{schema}");
        check(json!({}), true);
        check(json!(null), true);
        check(json!("x"), false);
        check(json!({"type": ["object", "null"], "x-any": 1, "default": [1]}), true);
        check(json!({"type": 1}), false);
        check(json!({"properties": {"a": {"items": {"type": [1]}}}}), false);
        check(json!({"properties": []}), false);
        check(json!({"allOf": ["x"]}), false);
        check(json!({"maxLength": 1.5}), false);
        check(json!({"items": true, "additionalProperties": false}), true);
    }
}
