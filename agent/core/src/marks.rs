//! The marks by which an object shows that it is ours (DESIGN §4.11).
//!
//! Three of them must agree: the label with the fleet's id, the annotation that names the object
//! itself, and our entry in `managedFields`. Controllers copy labels and annotations to what they
//! make (a Deployment to its ReplicaSets), so the annotation of a copy names another object; and
//! whoever writes the label by hand has no entry of ours.

use serde_json::{Map, Value, json};
use skerry_common::id::{ApplicationName, FleetId};
use skerry_common::object::ObjectKey;
use thiserror::Error;

/// The field manager of everything that we apply.
pub const MANAGER: &str = "skerry";

/// The field manager of ignored fields: set at creation, then left to whoever wants them.
pub const MANAGER_INITIAL: &str = "skerry-initial";

/// Label: the id of the fleet. Watches select by it.
pub const FLEET_LABEL: &str = "skerry.dev/fleet";

/// Label: the application.
pub const APPLICATION_LABEL: &str = "skerry.dev/application";

/// Annotation: `<group>/<kind>/<namespace>/<name>` of the object itself.
pub const OBJECT_ANNOTATION: &str = "skerry.dev/object";

/// Annotation (or label) that protects an object: see [`is_prune_disabled`].
pub const PRUNE_ANNOTATION: &str = "skerry.dev/prune";

/// Whose a live object is, as far as its marks tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// All three marks agree.
    Ours,
    /// No fleet's label: somebody else made it, or our marks were removed.
    Unmarked,
    /// Another fleet's label.
    OtherFleet(String),
    /// Our label, but the annotation names another object or is missing: a controller's copy.
    Copy,
    /// Our label and annotation, but no field is managed by us: marked by hand.
    Unmanaged,
}

/// Metadata of a desired object is no mapping, so no mark fits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` of {1} is not a mapping")]
pub struct MarkError(&'static str, ObjectKey);

/// Writes the marks into a desired object, and the key's namespace if the object names none.
pub fn mark(
    object: &mut Value,
    fleet: &FleetId,
    application: &ApplicationName,
    key: &ObjectKey,
) -> Result<(), MarkError> {
    let metadata = mapping(object, "metadata", key)?;
    match &key.namespace {
        Some(namespace) => metadata.insert("namespace".into(), json!(namespace)),
        None => metadata.shift_remove("namespace"),
    };
    let labels = child(metadata, "labels", "metadata.labels", key)?;
    labels.insert(FLEET_LABEL.into(), json!(fleet.as_str()));
    labels.insert(APPLICATION_LABEL.into(), json!(application.as_str()));
    let annotations = child(metadata, "annotations", "metadata.annotations", key)?;
    annotations.insert(OBJECT_ANNOTATION.into(), json!(object_mark(key)));
    Ok(())
}

fn mapping<'a>(
    object: &'a mut Value,
    field: &'static str,
    key: &ObjectKey,
) -> Result<&'a mut Map<String, Value>, MarkError> {
    let wrong = || MarkError(field, key.clone());
    child(object.as_object_mut().ok_or_else(wrong)?, field, field, key)
}

fn child<'a>(
    parent: &'a mut Map<String, Value>,
    field: &str,
    path: &'static str,
    key: &ObjectKey,
) -> Result<&'a mut Map<String, Value>, MarkError> {
    let slot = parent.entry(field).or_insert_with(|| json!({}));
    if slot.is_null() {
        *slot = json!({});
    }
    slot.as_object_mut().ok_or_else(|| MarkError(path, key.clone()))
}

/// The value of [`OBJECT_ANNOTATION`].
pub fn object_mark(key: &ObjectKey) -> String {
    format!("{}/{}/{}/{}", key.group, key.kind, key.namespace.as_deref().unwrap_or_default(), key.name)
}

/// Reads the marks of a live object; its metadata alone is enough.
pub fn ownership(live: &Value, fleet: &FleetId, key: &ObjectKey) -> Ownership {
    let Some(label) = label(live, FLEET_LABEL) else { return Ownership::Unmarked };
    if label != fleet.as_str() {
        return Ownership::OtherFleet(skerry_common::limits::clip(label));
    }
    if annotation(live, OBJECT_ANNOTATION) != Some(object_mark(key).as_str()) {
        return Ownership::Copy;
    }
    if is_managed_by_us(live) { Ownership::Ours } else { Ownership::Unmanaged }
}

/// Whether all marks agree that a live object is ours.
pub fn is_ours(live: &Value, fleet: &FleetId, key: &ObjectKey) -> bool {
    ownership(live, fleet, key) == Ownership::Ours
}

/// Whether `skerry.dev/prune: disabled` stands on an object, as an annotation or as a label.
pub fn is_prune_disabled(live: &Value) -> bool {
    [annotation(live, PRUNE_ANNOTATION), label(live, PRUNE_ANNOTATION)].contains(&Some("disabled"))
}

fn is_managed_by_us(live: &Value) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        entry.get("manager").and_then(Value::as_str) == Some(MANAGER)
            && entry.get("operation").and_then(Value::as_str) == Some("Apply")
            && entry.get("subresource").and_then(Value::as_str).is_none_or(str::is_empty)
    })
}

fn label<'a>(live: &'a Value, name: &str) -> Option<&'a str> {
    live.get("metadata")?.get("labels")?.get(name)?.as_str()
}

fn annotation<'a>(live: &'a Value, name: &str) -> Option<&'a str> {
    live.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

/// The JSON patch that releases an object: our marks go, everything else stays.
///
/// It fails on any other object than the one that was looked at.
pub fn release(live: &Value) -> Value {
    let mut operations = crate::patch::preconditions(live);
    for (field, names) in
        [("labels", [FLEET_LABEL, APPLICATION_LABEL].as_slice()), ("annotations", &[OBJECT_ANNOTATION])]
    {
        for name in names {
            if live.pointer(&format!("/metadata/{field}")).is_some_and(|map| map.get(name).is_some()) {
                operations
                    .push(json!({"op": "remove", "path": format!("/metadata/{field}/{}", crate::patch::escape(name))}));
            }
        }
    }
    Value::Array(operations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{me, name};

    fn key() -> ObjectKey {
        ObjectKey {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: Some("shop".into()),
            name: "web".into(),
        }
    }

    fn live() -> Value {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "uid": "u", "resourceVersion": "7"}});
        mark(&mut object, &me().fleet, &name("web"), &key()).expect("marked");
        object["metadata"]["managedFields"] = json!([{"manager": "skerry", "operation": "Apply"}]);
        object
    }

    #[test]
    fn marks_are_written_and_read_back() {
        let live = live();
        assert_eq!(live["metadata"]["annotations"][OBJECT_ANNOTATION], "apps/Deployment/shop/web");
        assert_eq!(live["metadata"]["namespace"], "shop");
        assert!(is_ours(&live, &me().fleet, &key()));
        let core = ObjectKey { group: String::new(), kind: "Namespace".into(), namespace: None, name: "shop".into() };
        assert_eq!(object_mark(&core), "/Namespace//shop");
    }

    #[test]
    fn each_missing_mark_is_told_apart() {
        let check = |change: fn(&mut Value), expected: Ownership| {
            let mut live = live();
            change(&mut live);
            assert_eq!(ownership(&live, &me().fleet, &key()), expected);
        };
        check(|live| live["metadata"]["labels"] = json!({}), Ownership::Unmarked);
        check(|live| live["metadata"]["labels"][FLEET_LABEL] = json!("f2"), Ownership::OtherFleet("f2".into()));
        check(
            |live| live["metadata"]["annotations"][OBJECT_ANNOTATION] = json!("apps/Deployment/shop/other"),
            Ownership::Copy,
        );
        check(|live| live["metadata"]["annotations"] = json!(null), Ownership::Copy);
        check(|live| live["metadata"]["managedFields"][0]["operation"] = json!("Update"), Ownership::Unmanaged);
        check(|live| live["metadata"]["managedFields"][0]["manager"] = json!("skerry-initial"), Ownership::Unmanaged);
    }

    #[test]
    fn metadata_that_cannot_hold_marks_is_refused() {
        for mut object in [json!([]), json!({"metadata": []}), json!({"metadata": {"labels": "x"}})] {
            assert!(mark(&mut object, &me().fleet, &name("web"), &key()).is_err());
        }
        let mut empty = json!({"metadata": {"labels": null}});
        assert!(mark(&mut empty, &me().fleet, &name("web"), &key()).is_ok());
    }

    #[test]
    fn releasing_removes_our_marks_only() {
        let patch = release(&live());
        assert_eq!(
            patch,
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "remove", "path": "/metadata/labels/skerry.dev~1fleet"},
                {"op": "remove", "path": "/metadata/labels/skerry.dev~1application"},
                {"op": "remove", "path": "/metadata/annotations/skerry.dev~1object"},
            ])
        );
    }
}
