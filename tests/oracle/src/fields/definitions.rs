//! What is told about kinds: `crds` and `openapi`.

use crate::folder::Folder;
use crate::random::Random;
use crate::yaml::{list, map, raw};

pub(super) fn definitions(folder: &mut Folder<'_>) {
    if folder.wants("crds") {
        let content = kinds(folder.random);
        folder.file("crd.json", content);
        folder.kustomization.put("crds", list([raw("crd.json")]));
    }
    if folder.wants_by("openapi", 6) {
        let content = schema(folder.random);
        folder.file("schema.json", content);
        folder.kustomization.put("openapi", map([("path", raw("schema.json"))]));
    }
}

/// Properties of a spec of a custom kind, and what they mean.
const PROPERTIES: &[&str] = &[
    r#""secretName": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret"}"#,
    r#""configMapRef": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap",
 "x-kubernetes-object-ref-name-key": "key"}"#,
    r#""nested": {"x-kubernetes-label-selector": ""}"#,
    r#""template": {"x-kubernetes-annotation": ""}"#,
    r#""size": {"x-kubernetes-identity": ""}"#,
    r#""nested": {"$ref": "api/v1.Nested"}"#,
    r#""items": {"type": "array", "items": {"$ref": "api/v1.Nested"}}"#,
];

fn kinds(random: &mut Random) -> String {
    let mut properties = PROPERTIES.to_vec();
    random.shuffle(&mut properties);
    properties.truncate(random.between(1, 3));
    // `nested` is there in two ways.
    let twice = properties.iter().filter(|property| property.starts_with("\"nested\"")).count() > 1;
    if twice {
        properties.retain(|property| !property.contains("Nested"));
    }
    let kind = random.pick(&["api/v1.Widget", "api/v1.Widget", "example.com/v1.Deployment"]);
    let head = if random.percent(90) { r#""apiVersion": {}, "kind": {}, "metadata": {}, "# } else { "" };
    let spec = properties.join(", ");
    format!(
        r#"{{"{kind}": {{"Schema": {{"properties": {{{head}"spec": {{"$ref": "api/v1.Spec"}}}}}}}},
"api/v1.Spec": {{"Schema": {{"properties": {{{spec}}}}}}},
"api/v1.Nested": {{"Schema": {{"properties": {{
 "name": {{"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret",
 "x-kubernetes-object-ref-name-key": "name"}}}}}}}}}}"#
    )
}

/// Lists of a custom kind that are merged in different ways.
const LISTS: &[&str] = &[
    r#""containers": {"type": "array", "items": {"type": "object"},
 "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}"#,
    r#""containers": {"type": "array", "items": {"type": "object"},
 "x-kubernetes-list-map-keys": ["name", "image"], "x-kubernetes-list-type": "map", "x-kubernetes-patch-strategy": "merge"}"#,
    r#""items": {"type": "array", "items": {"type": "string"}, "x-kubernetes-patch-strategy": "merge"}"#,
    r#""containers": {"type": "array", "items": {"type": "object"}}"#,
];

fn schema(random: &mut Random) -> String {
    let spec = random.pick(LISTS);
    let paths = if random.percent(25) {
        r#""paths": {"/apis/example.com/v1/widgets/{name}": {"get": {
 "x-kubernetes-action": "get", "x-kubernetes-group-version-kind": {"group": "example.com", "kind": "Widget",
 "version": "v1"}}}}, "#
    } else {
        ""
    };
    format!(
        r##"{{{paths}"definitions": {{"v1.Widget": {{"properties": {{"spec": {{"$ref": "#/definitions/Spec"}}}},
 "x-kubernetes-group-version-kind": [{{"group": "example.com", "kind": "Widget", "version": "v1"}}], "type": "object"}},
 "Spec": {{"type": "object", "properties": {{{spec}}}}}}}}}"##
    )
}
