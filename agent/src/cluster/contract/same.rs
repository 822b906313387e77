//! Two clusters answer alike: the same documents of every kind, applied, changed, patched and applied again.
//!
//! With the twin on one side and a real API server on the other this finds every default, every owner and every
//! refusal in which they differ.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Bench, OURS, THEIRS};
use crate::cluster::{ApiKind, Apply, ApplyMode, Cluster, ClusterError, Conflict, Force, Target};

/// What each cluster draws for itself.
const DRAWN: [&str; 7] =
    ["uid", "resourceVersion", "creationTimestamp", "time", "clusterIP", "clusterIPs", "lastTransitionTime"];

/// Holds that both clusters answer alike; panics with every difference.
pub async fn same<A: Cluster, B: Cluster>(one: &A, two: &B, prefix: &str) {
    let first = Bench { cluster: one, prefix, forget: &|| () };
    let second = Bench { cluster: two, prefix, forget: &|| () };
    let namespace = first.namespace("same").await;
    assert_eq!(second.namespace("same").await, namespace);
    let mut differences = Vec::new();
    for (target, object, change) in documents(&namespace) {
        for (number, step) in steps(&object, &change).into_iter().enumerate() {
            let name = format!("{target}, step {number}");
            let (left, right) = (take(&first, &target, &step).await, take(&second, &target, &step).await);
            differ(&name, &left, &right, &mut differences);
        }
    }
    first.remove_namespace(&namespace).await;
    second.remove_namespace(&namespace).await;
    for (target, ..) in documents(&namespace).into_iter().filter(|(target, ..)| target.namespace.is_none()) {
        remove(&first, &target).await;
        remove(&second, &target).await;
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

/// One thing that is done to an object.
enum Step {
    Apply(&'static str, Value, Force),
    Patch(Value),
}

fn steps(object: &Value, change: &Value) -> Vec<Step> {
    let mut changed = object.clone();
    overlay(&mut changed, change);
    let mut theirs = change.clone();
    for name in ["apiVersion", "kind", "metadata"] {
        theirs[name] = object[name].clone();
    }
    let note = json!([{"op": "add", "path": "/metadata/annotations/note", "value": "by hand"}]);
    let mut unknown = object.clone();
    unknown["nonsense"] = json!({"a": 1});
    vec![
        Step::Apply(OURS, object.clone(), Force::TakeOver),
        Step::Apply(OURS, object.clone(), Force::TakeOver),
        Step::Apply(OURS, changed.clone(), Force::TakeOver),
        Step::Apply(OURS, object.clone(), Force::TakeOver),
        Step::Patch(note),
        Step::Apply(THEIRS, theirs, Force::Refuse),
        Step::Apply(OURS, changed, Force::Refuse),
        Step::Apply(OURS, object.clone(), Force::TakeOver),
        Step::Apply(OURS, unknown, Force::TakeOver),
    ]
}

fn overlay(object: &mut Value, change: &Value) {
    match (object, change) {
        (Value::Object(object), Value::Object(change)) => {
            for (name, value) in change {
                overlay(object.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (object, change) => *object = change.clone(),
    }
}

async fn take<C: Cluster>(bench: &Bench<'_, C>, target: &Target, step: &Step) -> Value {
    let answer = match step {
        Step::Apply(manager, object, force) => {
            let how = Apply { manager, force: *force, mode: ApplyMode::Keep };
            bench.cluster.apply(target, object, how).await.map(|applied| applied.object)
        }
        Step::Patch(operations) => bench.patch(target, operations.clone()).await,
    };
    match answer {
        Ok(mut object) => {
            settle(&mut object);
            object
        }
        Err(error) => json!({"error": refusal(&error)}),
    }
}

/// What two refusals must have in common: their variant, and the fields that they name.
fn refusal(error: &ClusterError) -> String {
    let variant = format!("{error:?}");
    let variant = variant.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
    let fields: BTreeSet<&str> = if let ClusterError::Invalid { fields, .. } = error {
        fields.iter().map(|field| field.field.as_str()).collect()
    } else if let ClusterError::Conflict(Conflict::Fields(fields)) = error {
        fields.iter().map(|field| field.field.as_str()).collect()
    } else {
        BTreeSet::new()
    };
    format!("{variant} {fields:?}")
}

/// Leaves out what a cluster draws for itself, and what its controllers write in their own time.
fn settle(object: &mut Value) {
    if let Some(map) = object.as_object_mut() {
        map.shift_remove("status");
    }
    if let Some(entries) = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut) {
        entries.retain(|entry| entry["manager"] == OURS || entry["manager"] == THEIRS);
        entries.sort_by_key(|entry| (entry["manager"].to_string(), entry["operation"].to_string()));
    }
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.shift_remove("deployment.kubernetes.io/revision");
    }
    blank(object);
}

fn blank(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                if DRAWN.contains(&name.as_str()) || name.ends_with("controller-uid") {
                    *inner = json!("drawn");
                } else {
                    blank(inner);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn differ(path: &str, left: &Value, right: &Value, out: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(one), Value::Object(two)) => {
            let names: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
            for name in names {
                let of = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                differ(&format!("{path} /{name}"), &of(one), &of(two), out);
            }
        }
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
            for (index, (left, right)) in one.iter().zip(two).enumerate() {
                differ(&format!("{path} /{index}"), left, right, out);
            }
        }
        (left, right) if left != right => out.push(format!("{path}: {left} ≠ {right}")),
        _ => {}
    }
}

async fn remove<C: Cluster>(bench: &Bench<'_, C>, target: &Target) {
    if let Some(object) = bench.read(target).await {
        let uid = super::text(&object, "/metadata/uid");
        let only = crate::cluster::Preconditions { uid, resource_version: None };
        bench.cluster.delete(target, &only).await.expect("deleted");
    }
}

/// One document of every kind of the twin's table, and a change to it.
fn documents(namespace: &str) -> Vec<(Target, Value, Value)> {
    let documents: Value = serde_json::from_str(include_str!("same.json")).expect("the documents are JSON");
    let documents = documents.as_array().cloned().unwrap_or_default();
    documents.into_iter().map(|document| addressed(document, namespace)).collect()
}

fn addressed(document: Value, namespace: &str) -> (Target, Value, Value) {
    let word = |name: &str| super::text(&document["object"], &format!("/{name}"));
    let (group, version) = (
        skerry_common::object::group_of(&word("apiVersion")).to_owned(),
        skerry_common::object::version_of(&word("apiVersion")).to_owned(),
    );
    let namespaced = document["plural"].as_str().is_some_and(|plural| !plural.starts_with('/'));
    let plural = super::text(&document, "/plural").trim_start_matches('/').to_owned();
    let kind = ApiKind { group, version, kind: word("kind"), plural, namespaced };
    let mut object = document["object"].clone();
    let name = word("metadata/name").replace("NAMESPACE", namespace);
    object["metadata"]["name"] = json!(name);
    object["metadata"]["annotations"] = json!({"first": "1"});
    let target = Target { kind, namespace: namespaced.then(|| namespace.to_owned()), name };
    (target, object, document["change"].clone())
}
