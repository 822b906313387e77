//! What must not, or should not, be in a bundle. Errors stop it and keep the last good target.
//!
//! [`object`] looks at one object and runs once per rendering; [`bundle`] looks at the manifests of
//! one cluster together. The hub calls both, and so may the CLI and tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use skerry_common::bundle::manifest::{Encoding, Manifest, ManifestEntry, OnRemove};
use skerry_common::canonical::DEPTH_MAX;
use skerry_common::diagnostic::{Code, Diagnostic, Location};
use skerry_common::explain::Entry;
use skerry_common::id::ApplicationName;
use skerry_common::limits::OBJECT_BYTES_MAX;
use skerry_common::object::ObjectKey;
use skerry_render::RenderedObject;

use crate::publish::is_secret;

/// The agent's own namespace, which it never lets a bundle touch.
pub const AGENT_NAMESPACE: &str = "skerry-system";

/// What our own labels and annotations begin with.
const RESERVED_PREFIX: &str = "skerry.dev/";

/// The one annotation of ours that people set, and its one value.
const PRUNE_ANNOTATION: &str = "skerry.dev/prune";
const PRUNE_DISABLED: &str = "disabled";

macro_rules! codes {
    ($($name:ident = $number:literal $title:literal $text:literal;)*) => {
        $(const $name: Code = Code($number);)*

        /// Titles and explanations of this module's codes.
        pub const CODES: &[Entry] = &[$(($number, $title, $text)),*];
    };
}

codes! {
    TWICE = 320 "object in two applications" "Two applications of one cluster declare the same object: same group, kind, namespace and name. They would overwrite each other for ever. Leave it to one of them.";
    OWN_NAMESPACE = 321 "the agent's own namespace" "Bundles may not touch the namespace `skerry-system`: a mistake there would cut the cluster off. The agent is installed and upgraded apart from applications.";
    TOO_LARGE = 323 "object too large" "The object is larger than the Kubernetes API accepts, so no cluster could apply it. Large ConfigMaps are the usual cause: split them, or put the data into an image.";
    UNSEALED = 324 "secret in clear" "A Secret would have left the hub readable. This is a mistake in Skerry; nothing was published. Please report it.";
    RESERVED = 325 "reserved label or annotation" "Labels and annotations that begin with `skerry.dev/` are set by the agent to know its objects. Only `skerry.dev/prune: disabled` may be set by hand, as an annotation.";
    EMPTY = 326 "application became empty" "The application renders to no objects, while the previous bundle had some, and `prune` is on: they will be deleted, unless the agent's guard holds them. If that is not meant, revert the commit.";
    PRUNE_VALUE = 327 "no effect" "`skerry.dev/prune` knows one value, `disabled`. Anything else protects nothing.";
    TOO_DEEP = 328 "nested too deeply" "The object is nested deeper than is read anywhere. No Kubernetes kind needs that.";
    CLAIMED = 330 "object may be in two applications" "Two applications of one cluster declare a custom object of the same kind and name, without a namespace, and their default namespaces differ. If the kind is namespaced they are two objects; if it belongs to the whole cluster, they are one, which the two would overwrite for ever. The hub does not know which. Write `metadata.namespace` if it is namespaced, or leave the object to one of them.";
    LOOSE = 329 "object leaves its cluster with the application" "The previous bundle ran an application that this one does not, with `onRemove: delete`: its objects will be deleted. This is what removing it from a group means; the note is for the case that a selector or label was changed by mistake.";
}

/// What is wrong with one object; `size` is that of its canonical bytes.
pub fn object(rendered: &RenderedObject, size: usize) -> Vec<Diagnostic> {
    let key = &rendered.key;
    let mut found = Vec::new();
    let mut push = |diagnostic: Diagnostic| found.push(diagnostic.at(rendered.origin.clone()));
    if is_own(key, key.namespace.as_deref()) {
        push(own_namespace(key));
    }
    if size as u64 > OBJECT_BYTES_MAX {
        let message = format!("`{key}` has {size} bytes: at most {OBJECT_BYTES_MAX} can be applied");
        push(Diagnostic::error(TOO_LARGE, message).help("split the object"));
    }
    for (field, map) in ["labels", "annotations"].map(|field| (field, metadata(&rendered.value, field))) {
        for (name, value) in map.into_iter().flatten().filter(|(name, _)| name.starts_with(RESERVED_PREFIX)) {
            if field == "annotations" && name == PRUNE_ANNOTATION {
                if value.as_str() != Some(PRUNE_DISABLED) {
                    let message = format!("`{PRUNE_ANNOTATION}` on `{key}` has a value without effect");
                    push(Diagnostic::warning(PRUNE_VALUE, message).help("write `disabled`, or remove it"));
                }
            } else {
                let message = format!("`{key}` sets `metadata.{field}.{name}`, which is reserved");
                push(Diagnostic::error(RESERVED, message).help("remove it"));
            }
        }
    }
    found
}

fn metadata<'a>(object: &'a Value, field: &str) -> Option<&'a Map<String, Value>> {
    object.get("metadata")?.get(field)?.as_object()
}

/// True when a value is nested deeper than canonical JSON is read. Does not recurse.
pub fn is_too_deep(value: &Value) -> bool {
    let mut level: Vec<&Value> = vec![value];
    for _ in 0..=DEPTH_MAX {
        level = level
            .into_iter()
            .flat_map(|value| -> Vec<&Value> {
                match value {
                    Value::Array(items) => items.iter().collect(),
                    Value::Object(map) => map.values().collect(),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
                }
            })
            .collect();
        if level.is_empty() {
            return false;
        }
    }
    true
}

/// The diagnostic for [`is_too_deep`].
pub(crate) fn too_deep(key: &ObjectKey, origin: &Location) -> Diagnostic {
    let message = format!("`{key}` is nested deeper than {DEPTH_MAX} levels");
    Diagnostic::error(TOO_DEEP, message).at(origin.clone()).help("flatten the object")
}

/// The same object from two sources of one application.
pub(crate) fn declared_twice(key: &ObjectKey, first: &Location, second: &Location) -> Diagnostic {
    let message = format!("`{key}` is declared by two sources of the application: also at {first}");
    Diagnostic::error(TWICE, message).at(second.clone()).help("leave it to one of them")
}

/// What is wrong with the manifests of one cluster together. `before` holds those of its newest bundle.
pub fn bundle(
    manifests: &BTreeMap<&ApplicationName, &Manifest>,
    before: Option<&BTreeMap<ApplicationName, Arc<Manifest>>>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut owners: BTreeMap<ObjectKey, &ApplicationName> = BTreeMap::new();
    let mut homeless: BTreeMap<ObjectKey, &ApplicationName> = BTreeMap::new();
    for (name, manifest) in manifests {
        for entry in &manifest.objects {
            let key = effective_key(manifest, entry);
            found.extend(entry_alone(&key, entry));
            if let Some(owner) = owners.insert(key.clone(), name) {
                let message = format!("`{key}` is in the applications `{owner}` and `{name}`");
                found.push(Diagnostic::error(TWICE, message).help("leave it to one of them"));
            } else if key != entry.key()
                && let Some(owner) = homeless.insert(entry.key(), name)
            {
                found.push(claimed(&entry.key(), owner, name));
            }
        }
    }
    for (name, previous) in before.into_iter().flatten().filter(|(_, previous)| !previous.objects.is_empty()) {
        match manifests.get(name) {
            Some(now) if now.objects.is_empty() && now.policy.prune => {
                let count = previous.objects.len();
                let message = format!("application `{name}` has no objects any more: {count} will be deleted");
                found.push(Diagnostic::warning(EMPTY, message).help("revert the commit if this is not meant"));
            }
            None if previous.policy.on_remove == OnRemove::Delete => {
                let count = previous.objects.len();
                let message = format!("application `{name}` leaves the cluster: {count} objects will be deleted");
                found.push(Diagnostic::warning(LOOSE, message).help("set `onRemove: orphan` first to keep them"));
            }
            Some(_) | None => {}
        }
    }
    found
}

/// The same custom object without a namespace, in applications of different namespaces.
fn claimed(key: &ObjectKey, first: &ApplicationName, second: &ApplicationName) -> Diagnostic {
    let message =
        format!("`{key}` is in the applications `{first}` and `{second}`: one object, if its kind has no namespaces");
    Diagnostic::warning(CLAIMED, message).help("write `metadata.namespace`, or leave it to one of them")
}

fn entry_alone(key: &ObjectKey, entry: &ManifestEntry) -> Option<Diagnostic> {
    if is_own(key, key.namespace.as_deref()) {
        return Some(own_namespace(key));
    }
    if is_secret(key) && entry.encoding == Encoding::Plain {
        let message = format!("`{key}` is not sealed");
        return Some(Diagnostic::error(UNSEALED, message).help("this is a mistake in Skerry: please report it"));
    }
    None
}

/// The key as the agent will see it: an object without a namespace gets the application's, if its
/// kind is namespaced. The hub knows the scope of built-in kinds only and the renderer already gave
/// those their namespace, so what has none is taken as it is.
fn effective_key(manifest: &Manifest, entry: &ManifestEntry) -> ObjectKey {
    let mut key = entry.key();
    let built_in = key.group.is_empty() || !key.group.contains('.') || key.group.ends_with(".k8s.io");
    if key.namespace.is_none() && !built_in {
        key.namespace.clone_from(&manifest.policy.namespace);
    }
    key
}

fn is_own(key: &ObjectKey, namespace: Option<&str>) -> bool {
    let is_namespace = key.group.is_empty() && key.kind == "Namespace" && key.name == AGENT_NAMESPACE;
    is_namespace || namespace == Some(AGENT_NAMESPACE)
}

fn own_namespace(key: &ObjectKey) -> Diagnostic {
    let message = format!("`{key}` is in the agent's own namespace");
    Diagnostic::error(OWN_NAMESPACE, message).help("use another namespace")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use skerry_common::bundle::digest::BlobRef;
    use skerry_common::bundle::manifest::{Order, Policy};

    fn check(value: Value, size: usize, expected: &[Code]) {
        let key = ObjectKey::of(&value).expect("a key");
        let found = object(&RenderedObject { key, value, origin: Location::file("a.yaml", Some(3)) }, size);
        assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), expected);
        assert!(found.iter().all(|found| found.location.line == Some(3) && found.help.is_some()));
    }

    fn pod(metadata: Value) -> Value {
        let mut value = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}});
        for (key, item) in metadata.as_object().expect("a mapping") {
            value["metadata"][key] = item.clone();
        }
        value
    }

    #[test]
    fn objects_are_judged_alone() {
        check(pod(json!({})), 10, &[]);
        check(pod(json!({"namespace": "skerry-system"})), 10, &[OWN_NAMESPACE]);
        check(
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "skerry-system"}}),
            10,
            &[OWN_NAMESPACE],
        );
        check(pod(json!({})), 4_000_000, &[TOO_LARGE]);
        check(pod(json!({"labels": {"skerry.dev/fleet": "x"}})), 10, &[RESERVED]);
        check(pod(json!({"labels": {"skerry.dev/prune": "disabled"}})), 10, &[RESERVED]);
        check(pod(json!({"annotations": {"skerry.dev/prune": "disabled"}})), 10, &[]);
        check(pod(json!({"annotations": {"skerry.dev/prune": "false"}})), 10, &[PRUNE_VALUE]);
    }

    #[test]
    fn depth_is_bounded_without_recursion() {
        let mut value = json!(1);
        for _ in 0..DEPTH_MAX {
            value = json!([value]);
        }
        assert!(!is_too_deep(&value));
        assert!(is_too_deep(&json!([value])));
    }

    fn manifest(kind: &str, encoding: Encoding, count: usize) -> Manifest {
        let entry = |index: usize| ManifestEntry {
            api_version: "v1".into(),
            kind: kind.into(),
            namespace: Some("shop".into()),
            name: format!("n{index}"),
            content: BlobRef::of(b"x"),
            encoding,
            order: Order::Rest,
        };
        let name = ApplicationName::parse("web").expect("a name");
        Manifest::new(name, Policy::default(), (0..count).map(entry).collect()).expect("valid")
    }

    #[test]
    fn a_secret_in_clear_stops_the_bundle() {
        let check = |encoding, expected: &[Code]| {
            let manifest = manifest("Secret", encoding, 1);
            let found = bundle(&BTreeMap::from([(&manifest.application, &manifest)]), None);
            assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), expected);
        };
        check(Encoding::Plain, &[UNSEALED]);
        check(Encoding::Sealed, &[]);
    }

    #[test]
    fn a_custom_object_that_may_belong_to_the_whole_cluster_is_not_claimed_twice() {
        let widget = |application: &str, default: Option<&str>, own: Option<&str>, group: &str| {
            let entry = ManifestEntry {
                api_version: format!("{group}/v1"),
                kind: "Widget".into(),
                namespace: own.map(str::to_owned),
                name: "w".into(),
                content: BlobRef::of(b"x"),
                encoding: Encoding::Plain,
                order: Order::Rest,
            };
            let policy = Policy { namespace: default.map(str::to_owned), ..Policy::default() };
            Manifest::new(ApplicationName::parse(application).expect("a name"), policy, vec![entry]).expect("valid")
        };
        let check = |first: Manifest, second: Manifest, expected: &[Code]| {
            let manifests = BTreeMap::from([(&first.application, &first), (&second.application, &second)]);
            let found = bundle(&manifests, None);
            assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), expected, "{found:?}");
        };
        let custom = "example.com";
        check(widget("a", Some("x"), None, custom), widget("b", Some("y"), None, custom), &[CLAIMED]);
        check(widget("a", None, None, custom), widget("b", None, None, custom), &[TWICE]);
        check(widget("a", Some("x"), None, custom), widget("b", Some("x"), None, custom), &[TWICE]);
        check(widget("a", Some("x"), Some("x"), custom), widget("b", Some("y"), Some("y"), custom), &[]);
        check(widget("a", Some("x"), None, custom), widget("b", Some("y"), None, "example.org"), &[]);
    }

    #[test]
    fn mass_deletions_are_announced() {
        let (full, empty) = (manifest("Pod", Encoding::Plain, 3), manifest("Pod", Encoding::Plain, 0));
        let before = BTreeMap::from([(full.application.clone(), Arc::new(full.clone()))]);
        let emptied = bundle(&BTreeMap::from([(&empty.application, &empty)]), Some(&before));
        assert_eq!(emptied[0].code, EMPTY);
        let removed = bundle(&BTreeMap::new(), Some(&before));
        assert_eq!(removed[0].code, LOOSE);
        assert!(!emptied[0].is_error() && !removed[0].is_error());
        assert!(bundle(&BTreeMap::from([(&full.application, &full)]), Some(&before)).is_empty());
    }
}
