//! The OpenAPI document, made from the table of routes.

use axum::Json;
use serde_json::{Map, Value, json};
use skerry_hub_core::view;

use super::error::CODES;
use super::routes::{Method, ROUTES, Route, Takes};

/// Rows that have labels: those of their cluster.
const LABELLED: &[&str] = &["ClusterView", "ObjectView", "DriftView", "EventView"];

/// Makes the document.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[method(route)] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Skerry status API",
            "version": "1",
            "description": "Reads the state of a fleet and asks the hub to act. Errors are RFC 9457 problem documents with a stable `code`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"Problem": {
                "description": "Why not.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }},
            "schemas": schemas(),
        },
    })
}

/// The document as it is committed and served.
pub fn text() -> String {
    format!("{:#}\n", document())
}

pub(super) async fn serve() -> Json<Value> {
    Json(document())
}

fn method(route: &Route) -> &'static str {
    match route.method {
        Method::Get => "get",
        Method::Post => "post",
    }
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": route.operation.name(),
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": {success(route): answer(route), "default": {"$ref": "#/components/responses/Problem"}},
        "security": [],
    });
    if let Some(action) = route.needs {
        operation["security"] = json!([{"token": []}]);
        operation["description"] = json!(format!("Needs the role `{}`.", action.needs()));
    }
    if let Takes::Body(schema) = route.takes {
        operation["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {"schema": reference(schema)}},
        });
    }
    operation
}

fn success(route: &Route) -> &'static str {
    match route.answers {
        "JoinCommand" if !route.path.contains('{') => "201",
        "Done" if route.needs.is_none() => "202",
        _ => "200",
    }
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn answer(route: &Route) -> Value {
    let page = || {
        json!({"allOf": [reference("Page"), {
            "type": "object", "properties": {"items": {"type": "array", "items": reference(route.answers)}},
        }]})
    };
    let content = match (route.takes, route.answers) {
        (Takes::Page, _) => json!({"application/json": {"schema": page()}}),
        (Takes::PageOrWatch, _) => json!({
            "application/json": {"schema": page()},
            "text/event-stream": {"schema": {
                "type": "string",
                "description": "Events of type `row`, whose data is one row and whose id is a position; of type `gap` when rows were dropped.",
            }},
        }),
        (Takes::Nothing | Takes::Query(_) | Takes::Body(_), "Archive") => {
            json!({"application/x-tar": {"schema": reference("Archive")}})
        }
        (Takes::Nothing | Takes::Query(_) | Takes::Body(_), "Text") => {
            json!({"text/plain": {"schema": reference("Text")}})
        }
        (Takes::Nothing | Takes::Query(_) | Takes::Body(_), schema) => {
            json!({"application/json": {"schema": reference(schema)}})
        }
    };
    json!({"description": "Done.", "content": content})
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut parameters = Vec::new();
    if route.path.contains("{name}") {
        parameters.push(json!({"name": "name", "in": "path", "required": true, "schema": {"type": "string"}}));
    }
    let query = |name: &str, schema: Value, description: &str| json!({"name": name, "in": "query", "schema": schema, "description": description});
    if let Takes::Query(own) = route.takes {
        parameters.extend(own.iter().map(|own| {
            let mut parameter = query(own.name, json!({"type": "string"}), own.description);
            if own.is_required {
                parameter["required"] = json!(true);
            }
            parameter
        }));
    }
    if matches!(route.takes, Takes::Page | Takes::PageOrWatch) {
        parameters.push(query(
            "filter",
            json!({"type": "string"}),
            "Terms that must all hold: `contact=offline,drift>0`.",
        ));
        if LABELLED.contains(&route.answers) {
            parameters.push(query(
                "labelSelector",
                json!({"type": "string"}),
                "Labels of clusters that must match, as kubectl's `-l`.",
            ));
        }
        parameters.push(query("limit", json!({"type": "integer", "minimum": 1, "maximum": 1000}), "Most rows."));
        parameters.push(query("cursor", json!({"type": "string"}), "The `next` of the page before."));
    }
    if route.takes == Takes::PageOrWatch {
        parameters.push(query("watch", json!({"type": "boolean"}), "Stream changes instead of a page."));
        parameters.push(json!({
            "name": "Last-Event-ID", "in": "header", "schema": {"type": "integer"},
            "description": "Resume a watch after this position; without it, the watch begins now.",
        }));
    }
    parameters
}

/// Views have their fields read off the types; what is no view stands here.
fn schemas() -> Value {
    let mut schemas = Map::new();
    for route in ROUTES {
        schemas.insert(route.answers.to_owned(), json!({"type": "object"}));
        if let Takes::Body(schema) = route.takes {
            schemas.insert(schema.to_owned(), json!({"type": "object"}));
        }
    }
    schemas.extend(view::schema::schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema)));
    let text = || json!({"type": "string"});
    let labels = || json!({"type": "object", "additionalProperties": {"type": "string"}});
    schemas.insert("Text".into(), text());
    schemas.insert("Archive".into(), json!({"type": "string", "format": "binary"}));
    schemas.insert("Done".into(), json!({"type": "object", "properties": {"done": {"const": true}}}));
    schemas.insert(
        "Page".into(),
        json!({
            "type": "object",
            "required": ["items", "position", "generatedAt"],
            "properties": {
                "items": {"type": "array"},
                "next": text(),
                "position": {"type": "integer"},
                "generatedAt": {"type": "string", "format": "date-time"},
            },
        }),
    );
    schemas.insert(
        "RegisterRequest".into(),
        json!({
            "type": "object", "required": ["name"], "additionalProperties": false,
            "properties": {"name": text(), "labels": labels(), "tokenLifeSeconds": {"type": "integer", "minimum": 1}},
        }),
    );
    schemas.insert(
        "OfflineRequest".into(),
        json!({
            "type": "object", "required": ["request"], "additionalProperties": false,
            "properties": {"labels": labels(), "request": text()},
        }),
    );
    schemas.insert(
        "ConfirmRequest".into(),
        json!({
            "type": "object", "additionalProperties": false, "properties": {"list": text()},
        }),
    );
    schemas.insert("JoinCommand".into(), json!({
        "type": "object", "required": ["id", "name", "command", "expiresAt"],
        "properties": {"id": text(), "name": text(), "command": text(), "expiresAt": {"type": "string", "format": "date-time"}},
    }));
    let codes: Vec<String> = CODES.iter().map(|(code, title, _)| format!("SK{code:04} {title}")).collect();
    schemas.insert("Problem".into(), json!({
        "type": "object",
        "description": format!("RFC 9457. Codes of the API itself: {}.", codes.join(", ")),
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {"type": text(), "title": text(), "status": {"type": "integer"}, "detail": text(), "code": text(), "help": text()},
    }));
    Value::Object(schemas)
}
