use serde_json::{Value, json};

use super::*;

fn set(fields: Value) -> FieldSet {
    FieldSet::parse(&fields).expect("fields")
}

fn shown(set: &FieldSet) -> Vec<String> {
    let show = |path: &FieldPath| path.iter().map(Element::to_string).collect::<Vec<_>>().join("/");
    set.paths().iter().map(show).collect()
}

fn deployment() -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}, "managedFields": [
            {"manager": "skerry", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {"f:template": {"f:spec": {"f:containers": {
                    "k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:image": {}, "f:ports": {
                        "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}}}}}},
            {"manager": "kubectl-edit", "operation": "Update", "time": "2026-01-02T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {
                "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}}}}},
            {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}}]},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [
            {"name": "side", "image": "s"},
            {"name": "web", "image": "w", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}}}
    })
}

#[test]
fn fields_are_parsed_into_paths() {
    let parsed = set(json!({"f:a": {".": {}, "f:b": {}}, "f:l": {"k:{\"n\":1}": {}, "v:\"x\"": {}, "i:2": {}}}));
    assert_eq!(shown(&parsed), ["f:a", "f:a/f:b", "f:l/k:{\"n\":1}", "f:l/v:\"x\"", "f:l/i:2"]);
}

#[test]
fn malformed_fields_are_refused() {
    for wrong in
        [json!([]), json!({"x": {}}), json!({"f:a": 1}), json!({"k:[": {}}), json!({"i:x": {}}), json!({"q:a": {}})]
    {
        assert!(matches!(FieldSet::parse(&wrong), Err(FieldsError::Malformed(_))), "{wrong}");
    }
    let deep = (0..DEPTH_MAX + 1).fold(json!({}), |below, _| json!({"f:a": below}));
    assert_eq!(FieldSet::parse(&deep), Err(FieldsError::TooDeep));
    let other = json!({"metadata": {"managedFields": [{"manager": "m", "fieldsType": "FieldsV2"}]}});
    assert!(matches!(ManagedFields::of(&other), Err(FieldsError::Type { .. })));
}

#[test]
fn sets_are_combined() {
    let a = set(json!({"f:a": {}, "f:b": {"f:x": {}, "f:y": {}}}));
    let b = set(json!({"f:b": {".": {}, "f:y": {}, "f:z": {}}}));
    let mut union = a.clone();
    union.union(&b);
    assert_eq!(shown(&union), ["f:a", "f:b", "f:b/f:x", "f:b/f:y", "f:b/f:z"]);
    assert_eq!(shown(&a.difference(&b)), ["f:a", "f:b/f:x"]);
    assert_eq!(shown(&a.intersection(&b)), ["f:b/f:y"]);
    let whole = set(json!({"f:b": {}}));
    assert_eq!(shown(&a.difference(&whole)), ["f:a"]);
    assert_eq!(shown(&a.intersection(&whole)), ["f:b/f:x", "f:b/f:y"]);
    assert!(whole.contains(&[Element::Field("b".into()), Element::Field("any".into())]));
}

#[test]
fn a_projection_holds_our_fields_and_no_others() {
    let live = deployment();
    let ours = ManagedFields::of(&live).expect("fields").ours();
    let before = projection_digest(&live, &ours);
    let check = |pointer: &str, value: Value, equal: bool| {
        let mut changed = live.clone();
        *changed.pointer_mut(pointer).expect("a place") = value;
        assert_eq!(projection_digest(&changed, &ours) == before, equal, "{pointer}");
    };
    check("/spec/replicas", json!(9), true);
    check("/spec/template/spec/containers/0/image", json!("other"), true);
    check("/spec/template/spec/containers/1/image", json!("other"), false);
    check("/spec/template/spec/containers/1/ports", json!([]), false);
    check("/metadata/labels", json!({}), false);
    let mut swapped = live.clone();
    swapped.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut).expect("a list").reverse();
    assert_eq!(projection_digest(&swapped, &ours), before, "keyed items have no place");
    let fewer = ours.difference(&set(json!({"f:metadata": {"f:labels": {"f:app": {}}}})));
    assert_ne!(projection_digest(&live, &fewer), before, "losing a field to another manager shows");
}

#[test]
fn owners_are_found_by_pointer_others_first() {
    let live = deployment();
    let fields = ManagedFields::of(&live).expect("fields");
    let check = |pointer: &str, expected: &[&str]| {
        let owners: Vec<_> = fields.owners(&live, pointer).iter().map(|entry| entry.manager.as_str()).collect();
        assert_eq!(owners, expected, "{pointer}");
    };
    check("/spec/template/spec/containers/1/image", &["kubectl-edit", "skerry"]);
    check("/spec/template/spec/containers/0/image", &[]);
    check("/spec/replicas", &["kubectl-edit"]);
    check("/metadata/labels/app", &["skerry"]);
    check("/status/replicas", &["kube-controller-manager"]);
    check("/spec/template/spec/containers/9/image", &[]);
}

#[test]
fn people_are_told_from_controllers() {
    let check = |manager: &str, expected: Who| assert_eq!(who(manager), expected, "{manager}");
    for person in
        ["kubectl", "kubectl-edit", "kubectl-client-side-apply", "Mozilla", "k9s", "Lens", "node-fetch", "oc", "curl"]
    {
        check(person, Who::Person);
    }
    for controller in ["kube-controller-manager", "kubelet", "kwok", "helm", "argocd-controller", "octopus", ""] {
        check(controller, Who::Controller);
    }
    check("skerry", Who::Ours);
    check("skerry-initial", Who::Ours);
    check("skerry-other", Who::Controller);
}
