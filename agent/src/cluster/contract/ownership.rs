//! Who owns which field, and what becomes of it.

use serde_json::{Value, json};

use super::{Bench, OURS, THEIRS, config_map, deployment, document, owned, text};
use crate::cluster::{Apply, ApplyMode, Cluster, ClusterError, Conflict, Detail, Force, Target};

pub(super) async fn hold<C: Cluster>(bench: &Bench<'_, C>) {
    let namespace = bench.namespace("ownership").await;
    what_is_no_longer_applied_goes(bench, &namespace).await;
    what_others_own_stays(bench, &namespace).await;
    conflicts(bench, &namespace).await;
    a_dry_run_changes_nothing(bench, &namespace).await;
    the_same_again_changes_nothing(bench, &namespace).await;
    updates_take_what_they_change(bench, &namespace).await;
    defaults_belong_to_nobody(bench, &namespace).await;
    wrong_documents(bench, &namespace).await;
    secrets(bench, &namespace).await;
    bench.remove_namespace(&namespace).await;
}

async fn data<C: Cluster>(bench: &Bench<'_, C>, target: &Target) -> Value {
    bench.present(target).await["data"].clone()
}

async fn what_is_no_longer_applied_goes<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = config_map(namespace, "removal");
    let first = json!({"data": {"a": "1", "b": "2"}, "metadata": {"labels": {"x": "1", "y": "2"}}});
    let created = bench.apply(&target, document(&target, first)).await.expect("applied");
    assert_eq!(
        owned(&created.object, OURS, "Apply"),
        json!({"f:data": {"f:a": {}, "f:b": {}}, "f:metadata": {"f:labels": {"f:x": {}, "f:y": {}}}}),
    );
    let second = json!({"data": {"a": "1"}, "metadata": {"labels": {"y": "3"}}});
    let changed = bench.apply(&target, document(&target, second)).await.expect("applied");
    assert!(!changed.created);
    assert_eq!(changed.object["data"], json!({"a": "1"}));
    assert_eq!(changed.object["metadata"]["labels"], json!({"y": "3"}));
    assert_eq!(
        owned(&changed.object, OURS, "Apply"),
        json!({"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:y": {}}}}),
    );
}

async fn what_others_own_stays<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = config_map(namespace, "shared");
    bench.apply(&target, document(&target, json!({"data": {"a": "1", "b": "2"}}))).await.expect("applied");
    let theirs = document(&target, json!({"data": {"b": "2", "c": "3"}}));
    bench.apply_as(THEIRS, &target, theirs).await.expect("the same value is no conflict");
    bench.apply(&target, document(&target, json!({"data": {"a": "1"}}))).await.expect("applied");
    assert_eq!(data(bench, &target).await, json!({"a": "1", "b": "2", "c": "3"}), "co-owned and foreign fields stay");
    bench.apply_as(THEIRS, &target, document(&target, json!({"data": {"c": "3"}}))).await.expect("applied");
    assert_eq!(data(bench, &target).await, json!({"a": "1", "c": "3"}), "given up by its last owner");
}

async fn conflicts<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = config_map(namespace, "conflict");
    bench.apply_as(THEIRS, &target, document(&target, json!({"data": {"a": "1", "b": "1"}}))).await.expect("applied");
    let ours = document(&target, json!({"data": {"a": "2"}}));
    let refused = bench.apply_as(OURS, &target, ours.clone()).await;
    let Err(ClusterError::Conflict(Conflict::Fields(fields))) = refused else { panic!("{refused:?}") };
    assert_eq!(fields.len(), 1);
    assert_eq!((fields[0].field.as_str(), fields[0].manager.as_str()), (".data.a", THEIRS));
    assert_eq!(data(bench, &target).await, json!({"a": "1", "b": "1"}));
    let taken = bench.apply(&target, ours).await.expect("force takes over").object;
    assert_eq!(taken["data"], json!({"a": "2", "b": "1"}));
    assert_eq!(owned(&taken, THEIRS, "Apply"), json!({"f:data": {"f:b": {}}}));
    assert_eq!(owned(&taken, OURS, "Apply"), json!({"f:data": {"f:a": {}}}));
}

async fn a_dry_run_changes_nothing<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = config_map(namespace, "dry");
    let dry = Apply { manager: OURS, force: Force::TakeOver, mode: ApplyMode::DryRun };
    let object = document(&target, json!({"data": {"a": "1"}}));
    let would = bench.cluster.apply(&target, &object, dry).await.expect("dry run");
    assert!(would.created);
    assert_eq!(bench.read(&target).await, None);
    let before = bench.apply(&target, object).await.expect("applied").object;
    let other = document(&target, json!({"data": {"a": "2"}}));
    let would = bench.cluster.apply(&target, &other, dry).await.expect("dry run");
    assert_eq!(would.object["data"]["a"], "2");
    assert_eq!(bench.present(&target).await, before);
}

async fn the_same_again_changes_nothing<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = deployment(namespace, "again");
    let before = bench.apply(&target, web(&target)).await.expect("applied").object;
    let again = bench.apply(&target, web(&target)).await.expect("applied").object;
    assert_eq!(before["metadata"]["uid"], again["metadata"]["uid"]);
    assert_eq!(before["metadata"]["generation"], json!(1));
    assert_eq!(again["metadata"]["generation"], json!(1));
    assert_eq!(owned(&before, OURS, "Apply"), owned(&again, OURS, "Apply"));
    let map = config_map(namespace, "again");
    let object = document(&map, json!({"data": {"a": "1"}}));
    let before = bench.apply(&map, object.clone()).await.expect("applied").object;
    assert_eq!(bench.apply(&map, object).await.expect("applied").object, before);
}

async fn updates_take_what_they_change<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = config_map(namespace, "update");
    bench.apply(&target, document(&target, json!({"data": {"a": "1", "b": "2"}}))).await.expect("applied");
    let operations = json!([
        {"op": "replace", "path": "/data/a", "value": "9"},
        {"op": "add", "path": "/data/n", "value": "new"},
        {"op": "add", "path": "/metadata/labels", "value": {"l": "1"}},
    ]);
    let edited = bench.patch(&target, operations).await.expect("patched");
    assert_eq!(owned(&edited, OURS, "Apply"), json!({"f:data": {"f:b": {}}}));
    assert_eq!(
        owned(&edited, THEIRS, "Update"),
        json!({"f:data": {"f:a": {}, "f:n": {}}, "f:metadata": {"f:labels": {".": {}, "f:l": {}}}}),
    );
    let healed = bench.apply(&target, document(&target, json!({"data": {"a": "1", "b": "2"}}))).await;
    let healed = healed.expect("applied").object;
    assert_eq!(healed["data"], json!({"a": "1", "b": "2", "n": "new"}), "an addition stays");
    let operations = json!([
        {"op": "test", "path": "/metadata/uid", "value": healed["metadata"]["uid"]},
        {"op": "test", "path": "/metadata/resourceVersion", "value": healed["metadata"]["resourceVersion"]},
        {"op": "remove", "path": "/data/n"},
    ]);
    let reverted = bench.patch(&target, operations.clone()).await.expect("patched");
    assert_eq!(reverted["data"], json!({"a": "1", "b": "2"}));
    let refused = bench.patch(&target, operations).await;
    assert!(matches!(refused, Err(ClusterError::Conflict(Conflict::Test(_)))), "{refused:?}");
    let gone =
        bench.patch(&config_map(namespace, "nowhere"), json!([{"op": "add", "path": "/data", "value": {}}])).await;
    assert!(matches!(gone, Err(ClusterError::NotFound { .. })), "{gone:?}");
}

async fn defaults_belong_to_nobody<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = deployment(namespace, "defaults");
    let created = bench.apply(&target, web(&target)).await.expect("applied").object;
    assert_eq!(created["spec"]["strategy"]["rollingUpdate"]["maxSurge"], "25%");
    assert_eq!(created["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"], "IfNotPresent");
    let mine = owned(&created, OURS, "Apply");
    assert_eq!(mine.pointer("/f:spec/f:strategy"), None);
    let mut object = web(&target);
    object["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": 2}});
    object["spec"]["replicas"] = json!(3);
    let changed = bench.apply(&target, object).await.expect("applied").object;
    assert_eq!(changed["spec"]["strategy"]["rollingUpdate"], json!({"maxSurge": 2, "maxUnavailable": "25%"}));
    assert_eq!(changed["metadata"]["generation"], json!(2));
    let back = bench.apply(&target, web(&target)).await.expect("applied").object;
    assert_eq!(back["spec"]["strategy"], created["spec"]["strategy"], "a default comes back");
    assert_eq!(back["spec"]["replicas"], json!(1));
}

async fn wrong_documents<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = deployment(namespace, "wrong");
    let check = async |change: &dyn Fn(&mut Value), field: &str| {
        let mut object = web(&target);
        change(&mut object);
        let refused = bench.apply(&target, object).await;
        let Err(ClusterError::Invalid { fields, .. }) = refused else { panic!("{field}: {refused:?}") };
        assert!(field.is_empty() || fields.iter().any(|wrong| wrong.field == field), "{field}: {fields:?}");
    };
    check(&|object| object["spec"]["colour"] = json!("red"), "spec.colour").await;
    check(&|object| object["spec"]["replicas"] = json!("three"), "spec.replicas").await;
    check(&|object| object["metadata"]["name"] = json!("other"), "").await;
    check(&|object| object["metadata"]["managedFields"] = json!([{"manager": "x"}]), "").await;
    assert_eq!(bench.read(&target).await, None);
    bench.apply(&target, web(&target)).await.expect("applied");
    let selector = json!({"matchLabels": {"app": "other"}});
    check(&|object| object["spec"]["selector"] = selector.clone(), "spec.selector").await;
    let other = json!("00000000-0000-4000-8000-000000000000");
    check(&|object| object["metadata"]["uid"] = other.clone(), "metadata.uid").await;
    another_object(bench, namespace).await;
}

async fn another_object<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let target = config_map(namespace, "another");
    let with = |name: &str, value: &str| {
        let mut object = document(&target, json!({"data": {"a": "1"}}));
        object["metadata"][name] = json!(value);
        object
    };
    let check = async |object: Value| {
        let refused = bench.apply(&target, object).await;
        assert!(matches!(refused, Err(ClusterError::Conflict(Conflict::Changed(_)))), "{refused:?}");
    };
    check(with("uid", "00000000-0000-4000-8000-000000000000")).await;
    let first = bench.apply(&target, document(&target, json!({"data": {"a": "1"}}))).await.expect("applied").object;
    bench.apply(&target, document(&target, json!({"data": {"a": "2"}}))).await.expect("applied");
    check(with("resourceVersion", &text(&first, "/metadata/resourceVersion"))).await;
}

async fn secrets<C: Cluster>(bench: &Bench<'_, C>, namespace: &str) {
    let kind = super::kind("", "v1", "Secret", "secrets");
    let target = Target { kind, namespace: Some(namespace.to_owned()), name: "sealed".into() };
    let created = bench.apply(&target, document(&target, json!({"data": {"a": "aHVudGVyMg=="}}))).await;
    assert_eq!(created.expect("applied").object["type"], "Opaque");
    let part = bench.cluster.get(&target, Detail::Metadata).await.expect("read").expect("present");
    assert!(!part.to_string().contains("aHVudGVyMg"));
    let refused = bench.apply(&target, document(&target, json!({"data": {"a": {"hunter2": "hunter2"}}}))).await;
    let Err(error) = refused else { panic!("a map is no value") };
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    assert!(!text(&part, "/metadata/resourceVersion").is_empty());
}

/// A small deployment.
pub(super) fn web(target: &Target) -> Value {
    document(
        target,
        json!({"spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{
                    "name": "web", "image": "registry.invalid/web:1", "ports": [{"containerPort": 80}],
                }]},
            },
        }}),
    )
}
