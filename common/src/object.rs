//! Which Kubernetes object is meant.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// Group, kind, namespace and name: what makes two documents the same object.
///
/// The version is not part of it: `apps/v1` and `apps/v1beta1` name one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind, as in the document.
    pub kind: String,
    /// Namespace; `None` for cluster-scoped objects.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectKey {
    /// Reads the key of a document.
    pub fn of(object: &Value) -> Result<Self, ObjectKeyError> {
        let api_version = text(object, "/apiVersion").ok_or(ObjectKeyError::Missing("apiVersion"))?;
        let kind = text(object, "/kind").ok_or(ObjectKeyError::Missing("kind"))?;
        let name = text(object, "/metadata/name").ok_or(ObjectKeyError::Missing("metadata.name"))?;
        Ok(Self {
            group: group_of(api_version).to_owned(),
            kind: kind.to_owned(),
            namespace: text(object, "/metadata/namespace").map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

/// The group part of an `apiVersion`: `apps` of `apps/v1`, empty for `v1`.
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The version part of an `apiVersion`: `v1` of `apps/v1`.
pub fn version_of(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or(api_version, |(_, version)| version)
}

fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A document that names no object.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ObjectKeyError {
    /// A field that every object has.
    #[error("`{0}` is missing or not a text")]
    Missing(&'static str),
}

impl fmt::Display for ObjectKey {
    /// `Deployment.apps/shop/web`, `Namespace/shop`, `Service/shop/web`: greppable and unambiguous.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if let Some(namespace) = &self.namespace {
            write!(f, "/{namespace}")?;
        }
        write!(f, "/{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_read_and_shown() {
        let check = |object: Value, expected: &str| {
            assert_eq!(ObjectKey::of(&object).expect("a key").to_string(), expected);
        };
        check(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}), "Namespace/shop");
        check(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}),
            "Deployment.apps/shop/web",
        );
    }

    #[test]
    fn a_missing_field_is_named() {
        let check = |object: Value, field: &'static str| {
            assert_eq!(ObjectKey::of(&object), Err(ObjectKeyError::Missing(field)));
        };
        check(json!({}), "apiVersion");
        check(json!({"apiVersion": "v1", "kind": ""}), "kind");
        check(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "x"}}), "metadata.name");
    }
}
