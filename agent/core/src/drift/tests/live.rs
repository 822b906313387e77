use serde_json::{Value, json};
use skerry_common::bundle::manifest::ExtraFields;
use skerry_common::journal::{DriftKind, FieldDrift};

use crate::drift::*;
use crate::inventory::Applied;
use crate::managed_fields::FieldSet;

const KEYED: &str = "k:{\"name\":\"web\"}";
const SIDE: &str = "k:{\"name\":\"side\"}";

fn ours() -> Value {
    json!({"manager": "skerry", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {"f:selector": {}, "f:template": {"f:spec": {"f:containers": {
            KEYED: {".": {}, "f:name": {}, "f:image": {}}}}}}}})
}

fn base() -> Value {
    json!({
        "metadata": {"name": "web", "uid": "u", "resourceVersion": "7", "labels": {"app": "web"}, "managedFields": [ours()]},
        "spec": {"replicas": 1, "selector": {"app": "web"},
                 "template": {"spec": {"containers": [{"name": "web", "image": "w:1", "imagePullPolicy": "Always"}]}}},
    })
}

fn applied() -> Applied {
    let projection = our_projection(&base()).expect("fields");
    Applied { uid: "u".into(), resource_version: "7".into(), fingerprint: projection, projection }
}

fn by(manager: &str, fields: Value) -> Value {
    json!({"manager": manager, "operation": "Update", "time": "2026-01-02T00:00:00Z", "fieldsV1": fields})
}

fn add(object: &mut Value, entry: Value) {
    object["metadata"]["managedFields"].as_array_mut().expect("a list").push(entry);
}

fn judge(live: &Value) -> Verdict {
    judge_live(Some(live), &applied(), &Treatment::default()).expect("fields")
}

fn same(resource_version: &str) -> Verdict {
    Verdict::Same { resource_version: resource_version.into() }
}

#[test]
fn what_controllers_do_beside_us_is_not_drift() {
    let mut live = base();
    live["metadata"]["resourceVersion"] = json!("8");
    live["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "1"});
    let annotations = json!({"f:metadata": {"f:annotations": {".": {}, "f:deployment.kubernetes.io/revision": {}}}});
    add(&mut live, by("kube-controller-manager", annotations));
    live["status"] = json!({"replicas": 1});
    let mut status = by("kubectl", json!({"f:status": {"f:replicas": {}}}));
    status["subresource"] = json!("status");
    add(&mut live, status);
    assert_eq!(judge(&live), same("8"));
}

#[test]
fn absent_replaced_changed_and_extended_objects_are_looked_at() {
    assert_eq!(judge_live(None, &applied(), &Treatment::default()), Ok(Verdict::Gone));
    assert_eq!(judge(&base()), same("7"));
    let check = |change: fn(&mut Value)| {
        let mut live = base();
        change(&mut live);
        assert_eq!(judge(&live), Verdict::Suspect);
    };
    check(|live| live["metadata"]["uid"] = json!("other"));
    check(|live| live["metadata"]["labels"]["app"] = json!("x"));
    check(|live| live["spec"]["template"]["spec"]["containers"][0]["image"] = json!("w:2"));
    check(|live| live["metadata"]["managedFields"] = json!([]));
    let mut live = base();
    add(&mut live, by("kubectl-edit", json!({"f:spec": {"f:replicas": {}}})));
    let additions = vec![Addition { pointer: "/spec/replicas".into(), manager: "kubectl-edit".into() }];
    assert_eq!(judge(&live), Verdict::Extended { additions });
}

/// As `kubectl edit` leaves it: the field is taken from us.
fn edited() -> Value {
    let mut live = base();
    live["spec"]["template"]["spec"]["containers"][0]["image"] = json!("w:2");
    let fields =
        &mut live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"];
    fields[KEYED].as_object_mut().expect("a mapping").shift_remove("f:image");
    let taken = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {KEYED: {"f:image": {}}}}}}});
    add(&mut live, by("kubectl-edit", taken));
    live
}

#[test]
fn a_changed_field_names_who_changed_it() {
    let finding = find(&edited(), &base(), &Treatment::default()).expect("fields");
    let path = "/spec/template/spec/containers/0/image".to_owned();
    assert_eq!(finding.fields, [FieldDrift { path, kind: DriftKind::Changed, manager: "kubectl-edit".into() }]);
    assert_eq!(finding.ownership, OwnershipFinding::Lost);
}

#[test]
fn a_field_taken_and_put_back_is_no_drift_but_is_managed_again() {
    let mut live = edited();
    live["spec"]["template"]["spec"]["containers"][0]["image"] = json!("w:1");
    let finding = find(&live, &base(), &Treatment::default()).expect("fields");
    assert!(finding.fields.is_empty());
    assert!(!finding.is_clean());
    assert!(find(&base(), &base(), &Treatment::default()).expect("fields").is_clean());
}

#[test]
fn removed_things_are_told_once_at_their_own_place() {
    let check = |change: fn(&mut Value), path: &str| {
        let mut live = base();
        change(&mut live);
        let found = compare(&live, &base()).expect("fields");
        assert_eq!(found, [FieldDrift { path: path.into(), kind: DriftKind::Removed, manager: String::new() }]);
    };
    check(|live| live["metadata"]["labels"] = json!({}), "/metadata/labels/app");
    check(|live| drop(live["metadata"].as_object_mut().expect("a mapping").shift_remove("labels")), "/metadata/labels");
    check(|live| live["spec"]["template"]["spec"]["containers"] = json!([]), "/spec/template/spec/containers/0");
    let mut live = base();
    live["metadata"]["labels"] = json!({});
    add(&mut live, by("kubectl-label", json!({"f:metadata": {"f:labels": {"f:other": {}}}})));
    assert_eq!(compare(&live, &base()).expect("fields")[0].manager, "kubectl-label");
}

#[test]
fn no_more_than_the_bound_is_told() {
    let names: serde_json::Map<String, Value> = (0..100).map(|index| (format!("l{index}"), json!("x"))).collect();
    let fields: serde_json::Map<String, Value> = names.keys().map(|name| (format!("f:{name}"), json!({}))).collect();
    let managed = json!([{"manager": "skerry", "operation": "Apply", "fieldsV1": {"f:data": fields}}]);
    let reference = json!({"metadata": {"managedFields": managed}, "data": names});
    let live = json!({"metadata": {}, "data": {}});
    assert_eq!(compare(&live, &reference).expect("fields").len(), FIELDS_MAX);
}

fn added(change: impl FnOnce(&mut Value), treatment: &Treatment) -> Vec<String> {
    let mut live = base();
    change(&mut live);
    additions(&live, treatment).expect("fields").into_iter().map(|addition| addition.pointer).collect()
}

fn sidecar(live: &mut Value) {
    let containers = live["spec"]["template"]["spec"]["containers"].as_array_mut().expect("a list");
    containers.push(json!({"name": "side", "image": "s", "imagePullPolicy": "Always"}));
    let item = json!({".": {}, "f:name": {}, "f:image": {}, "f:imagePullPolicy": {}});
    let fields = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {SIDE: item, KEYED: {"f:name": {}}}}}}});
    add(live, by("kubectl-edit", fields));
}

fn restart(live: &mut Value) {
    live["spec"]["template"]["metadata"] = json!({"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}});
    let annotations = json!({"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}});
    add(live, by("kubectl-rollout", json!({"f:spec": {"f:template": {"f:metadata": annotations}}})));
}

#[test]
fn what_people_add_is_found_and_what_is_kept_is_not() {
    let people = Treatment::default();
    assert_eq!(added(sidecar, &people), ["/spec/template/spec/containers/1"]);
    assert_eq!(added(restart, &people), Vec::<String>::new());
    let replicas = |live: &mut Value| add(live, by("kubectl-edit", json!({"f:spec": {"f:replicas": {}}})));
    assert_eq!(added(replicas, &people), ["/spec/replicas"]);
    let scale = |live: &mut Value| {
        let mut entry = by("kubectl", json!({"f:spec": {"f:replicas": {}}}));
        entry["subresource"] = json!("scale");
        add(live, entry);
    };
    assert_eq!(added(scale, &people), Vec::<String>::new());
    let autoscaler = |live: &mut Value| add(live, by("horizontal-scaler", json!({"f:spec": {"f:replicas": {}}})));
    assert_eq!(added(autoscaler, &people), Vec::<String>::new());
    assert_eq!(added(autoscaler, &Treatment { extra: ExtraFields::RevertAll, ..people.clone() }), ["/spec/replicas"]);
    assert_eq!(
        added(sidecar, &Treatment { additions: AdditionPolicy::Unsettled, ..people.clone() }),
        Vec::<String>::new()
    );
    let ignored = FieldSet::parse(&json!({"f:spec": {"f:replicas": {}}})).expect("fields");
    assert_eq!(added(replicas, &Treatment { ignored, ..people }), Vec::<String>::new());
}

#[test]
fn only_the_free_part_of_a_shared_mapping_goes() {
    let shared = |live: &mut Value| {
        live["metadata"]["annotations"] = json!({"theirs": "1", "persons": "2"});
        add(live, by("controller", json!({"f:metadata": {"f:annotations": {"f:theirs": {}}}})));
        let persons =
            json!({"f:metadata": {"f:annotations": {".": {}, "f:persons": {}}, "f:generation": {}}, "f:status": {}});
        add(live, by("Mozilla", persons));
    };
    assert_eq!(added(shared, &Treatment::default()), ["/metadata/annotations/persons"]);
}

#[test]
fn the_patch_removes_from_the_back_and_only_from_this_version() {
    let addition = |pointer: &str| Addition { pointer: pointer.into(), manager: String::new() };
    let patch = remove_additions(&base(), &[addition("/l/2"), addition("/l/10"), addition("/a")]);
    let paths: Vec<_> = patch.as_array().expect("a list").iter().map(|operation| operation["path"].clone()).collect();
    assert_eq!(paths, ["/metadata/uid", "/metadata/resourceVersion", "/l/10", "/l/2", "/a"]);
    assert_eq!(patch[0], json!({"op": "test", "path": "/metadata/uid", "value": "u"}));
}

#[test]
fn additions_are_told_with_their_manager() {
    let mut live = base();
    sidecar(&mut live);
    let finding = find(&live, &live, &Treatment::default()).expect("fields");
    let path = "/spec/template/spec/containers/1".to_owned();
    assert_eq!(finding.fields, [FieldDrift { path, kind: DriftKind::Added, manager: "kubectl-edit".into() }]);
}
