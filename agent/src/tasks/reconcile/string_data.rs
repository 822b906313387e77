//! `stringData` of a Secret is written as `data`, as the API server would.
//!
//! The server turns one into the other when it stores an object, but a server-side apply would leave
//! us managing `stringData` alone: whoever edits a value then manages it in `data`, beside us, and
//! what heals the edit would take it for an addition and remove the value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Moves the texts of `stringData` into `data`, where they win. What is no text stays where it is:
/// the API server refuses it and says why.
pub(super) fn fold(object: &mut Value) {
    if object["apiVersion"] != "v1" || object["kind"] != "Secret" {
        return;
    }
    let Some(fields) = object.as_object_mut() else { return };
    let Some(Value::Object(texts)) = fields.get("stringData") else { return };
    let encoded = |(name, text): (&String, &Value)| Some((name.clone(), STANDARD.encode(text.as_str()?).into()));
    let Some(encoded) = texts.iter().map(encoded).collect::<Option<Map<String, Value>>>() else { return };
    let data = fields.entry("data").or_insert(Value::Null);
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    let Value::Object(data) = data else { return };
    data.extend(encoded);
    fields.shift_remove("stringData");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(before: Value, after: &Value) {
        let mut object = before;
        fold(&mut object);
        assert_eq!(object, *after);
    }

    fn secret(fields: Value) -> Value {
        let mut object = json!({"apiVersion": "v1", "kind": "Secret"});
        if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
            object.extend(fields);
        }
        object
    }

    #[test]
    fn texts_become_data_and_win() {
        let both = secret(json!({"data": {"a": "b2xk", "b": "Yg=="}, "stringData": {"a": "new"}}));
        check(both, &secret(json!({"data": {"a": "bmV3", "b": "Yg=="}})));
        check(secret(json!({"stringData": {"a": ""}})), &secret(json!({"data": {"a": ""}})));
        check(secret(json!({"data": null, "stringData": {}})), &secret(json!({"data": {}})));
    }

    #[test]
    fn what_is_no_text_and_what_is_no_secret_stays() {
        for object in [
            secret(json!({"stringData": {"a": 1}})),
            secret(json!({"stringData": "a"})),
            secret(json!({"data": 1, "stringData": {"a": "b"}})),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "stringData": {"a": "b"}}),
            json!("text"),
        ] {
            check(object.clone(), &object);
        }
    }
}
