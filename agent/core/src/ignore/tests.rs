use serde_json::{Value, json};

use super::*;

fn desired() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"skerry.dev/fleet": "f1"}},
        "spec": {"replicas": 3, "args": ["a"], "template": {"spec": {"containers": [
            {"name": "side", "image": "s:1"}, {"name": "web", "image": "w:1", "ports": [{"containerPort": 80}]}]}}},
    })
}

fn item(rest: Value) -> Value {
    let mut fields = json!({".": {}, "f:name": {}});
    fields.as_object_mut().expect("a mapping").extend(rest.as_object().expect("a mapping").clone());
    fields
}

/// As the API server shows it after everything was applied, and somebody scaled it to 9.
fn live(manager: &str) -> Value {
    let mut live = desired();
    live["spec"]["replicas"] = json!(9);
    live["spec"]["template"]["spec"]["containers"].as_array_mut().expect("a list").reverse();
    live["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"] = json!("TCP");
    live["metadata"]["managedFields"] = json!([
        {"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}, "f:args": {}, "f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"side\"}": item(json!({"f:image": {}})),
            "k:{\"name\":\"web\"}": item(json!({"f:image": {}, "f:ports": {
                "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}))}}}}}}]);
    live
}

fn pointers(list: &[&str]) -> Vec<String> {
    list.iter().map(|pointer| (*pointer).to_owned()).collect()
}

fn ask(list: &[&str], live: Option<&Value>) -> Requests {
    requests(&desired(), &pointers(list), live).expect("requests")
}

#[test]
fn without_rules_or_without_an_object_everything_is_applied() {
    let plain = ask(&[], Some(&live("skerry")));
    assert_eq!((plain.requests.len(), plain.then), (1, Then::Done));
    assert_eq!(plain.requests[0], Request { manager: "skerry", conflicts: Conflicts::Force, body: desired() });
    let new = ask(&["/spec/replicas"], None);
    assert_eq!((new.requests.len(), new.then), (1, Then::AskAgain));
    assert_eq!(new.requests[0].body, desired());
}

#[test]
fn a_rule_added_later_moves_the_live_value_first() {
    let asked = ask(&["/spec/replicas"], Some(&live("skerry")));
    let managers: Vec<_> = asked.requests.iter().map(|request| (request.manager, request.conflicts)).collect();
    assert_eq!(managers, [("skerry-initial", Conflicts::Respect), ("skerry", Conflicts::Force)]);
    let initial = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 9}});
    assert_eq!(asked.requests[0].body, initial);
    let main = &asked.requests[1].body;
    assert_eq!(main["spec"].get("replicas"), None);
    assert_eq!(main["spec"]["template"], desired()["spec"]["template"]);
}

#[test]
fn once_moved_only_the_rest_is_applied() {
    let asked = ask(&["/spec/replicas"], Some(&live("skerry-initial")));
    assert_eq!(asked.requests.len(), 1);
    assert_eq!(asked.requests[0].body["spec"].get("replicas"), None);
}

#[test]
fn what_was_left_before_is_not_dropped_when_another_rule_comes() {
    let mut both = live("skerry");
    let kept = json!({"manager": "skerry-initial", "operation": "Apply", "fieldsV1": {"f:spec": {"f:args": {}}}});
    both["metadata"]["managedFields"].as_array_mut().expect("a list").push(kept);
    let asked = ask(&["/spec/replicas"], Some(&both));
    assert_eq!(asked.requests[0].body["spec"], json!({"args": ["a"], "replicas": 9}));
}

#[test]
fn pointers_into_keyed_lists_follow_the_item_wherever_it_lives() {
    let asked = ask(&["/spec/template/spec/containers/1/image"], Some(&live("skerry")));
    let initial = &asked.requests[0].body["spec"]["template"]["spec"]["containers"];
    assert_eq!(*initial, json!([{"name": "web", "image": "w:1"}]));
    let main = &asked.requests[1].body["spec"]["template"]["spec"]["containers"];
    assert_eq!(*main, json!([{"name": "side", "image": "s:1"}, {"name": "web", "ports": [{"containerPort": 80}]}]));
    let port = ask(&["/spec/template/spec/containers/1/ports/0"], Some(&live("skerry")));
    let initial = &port.requests[0].body["spec"]["template"]["spec"]["containers"];
    assert_eq!(*initial, json!([{"name": "web", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]));
    let main = &port.requests[1].body["spec"]["template"]["spec"]["containers"][1];
    assert_eq!(*main, json!({"name": "web", "image": "w:1", "ports": []}));
    let nowhere = ask(&["/spec/template/spec/containers/7/image"], Some(&live("skerry")));
    assert_eq!(nowhere.requests.len(), 1);
}

#[test]
fn what_cannot_be_left_to_others_is_refused() {
    let check = |pointer: &str, expected: IgnoreError| {
        assert_eq!(requests(&desired(), &pointers(&[pointer]), Some(&live("skerry"))), Err(expected), "{pointer}");
    };
    check("", IgnoreError::Pointer(String::new()));
    check("spec", IgnoreError::Pointer("spec".into()));
    for identity in
        ["/kind", "/metadata", "/metadata/labels", "/metadata/name", "/metadata/annotations/skerry.dev~1object"]
    {
        check(identity, IgnoreError::Identity(identity.into()));
    }
    check("/spec/args/0", IgnoreError::AtomicList("/spec/args/0".into()));
}

#[test]
fn the_ignored_set_covers_what_is_below() {
    let set = ignored_set(&desired(), &pointers(&["/spec/template", "/data/x"]), &live("skerry")).expect("a set");
    let path = ["spec", "template", "spec"].map(|name| crate::managed_fields::Element::Field(name.into()));
    assert!(set.contains(&path));
    assert!(!set.contains(&path[..1]));
}
