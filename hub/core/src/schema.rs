//! JSON Schemas (draft 2020-12) of fleet documents, for editors, from the table that reads them.
//!
//! A schema says a little less than the reader: it knows nothing of references between documents,
//! and of some texts only the shape. It never says more, so what the reader takes, an editor takes.

use serde_json::{Map, Value, json};

use crate::fleet::Rule;
use crate::fleet::schema::{API_VERSION, Field, Kind, METADATA, Presence, Shape};

/// The dialect that the schemas are written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of one kind.
pub fn schema(kind: Kind) -> Value {
    let mut required = vec!["apiVersion", "kind", "metadata"];
    if kind != Kind::Cluster {
        required.push("spec");
    }
    json!({
        "$schema": DIALECT,
        "title": kind.name(),
        "description": kind.about(),
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": kind.name()},
            "metadata": record(METADATA),
            "spec": record(kind.spec()),
        },
    })
}

/// The schema as it is written to `docs/schemas/KIND.json`.
pub fn text(kind: Kind) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&schema(kind)).map(|text| text + "\n")
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Text(rule) => of_rule(*rule),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::List { of: item, min, max } => {
            json!({"type": "array", "items": of(item), "minItems": min, "maxItems": max})
        }
        Shape::Map { keys, values, max } => json!({
            "type": "object",
            "propertyNames": of_rule(*keys),
            "additionalProperties": of_rule(*values),
            "maxProperties": max,
        }),
        Shape::Record(fields) => record(fields),
        Shape::Choice(fields) => {
            let mut schema = record(fields);
            if let Some(map) = schema.as_object_mut() {
                map.remove("required");
                map.insert("minProperties".to_owned(), json!(1));
                map.insert("maxProperties".to_owned(), json!(1));
            }
            schema
        }
    }
}

fn of_rule(rule: Rule) -> Value {
    if let Rule::Word(words) = rule {
        return json!({"enum": words});
    }
    let mut schema = json!({"type": "string"});
    if let (Some(pattern), Some(map)) = (rule.pattern(), schema.as_object_mut()) {
        map.insert("pattern".to_owned(), json!(pattern));
    }
    schema
}

fn record(fields: &[Field]) -> Value {
    let mut properties = Map::new();
    for field in fields.iter().filter(|field| field.presence != Presence::Later) {
        let mut schema = of(&field.shape);
        if let Some(map) = schema.as_object_mut() {
            map.insert("description".to_owned(), json!(about(field)));
        }
        properties.insert(field.name.to_owned(), schema);
    }
    let needed: Vec<&str> =
        fields.iter().filter(|field| field.presence == Presence::Required).map(|field| field.name).collect();
    json!({"type": "object", "additionalProperties": false, "required": needed, "properties": properties})
}

fn about(field: &Field) -> String {
    match field.presence {
        Presence::Optional(default) => format!("{} Default: {default}.", field.about),
        Presence::Required | Presence::Later => field.about.to_owned(),
    }
}

#[cfg(test)]
mod tests;
