//! Reads of the twin: get, list, label selectors.

use serde_json::{Value, json};

use super::state::{State, kind_id};
use crate::cluster::{ApiKind, ClusterError, Detail, Listing, Scope, Target};

impl State {
    pub(super) fn get(&self, target: &Target, detail: Detail) -> Result<Option<Value>, ClusterError> {
        self.kind(&target.kind)?;
        Ok(self.live(target).map(|object| reduced(&object, &target.kind, detail)))
    }

    pub(super) fn list(
        &self,
        kind: &ApiKind,
        scope: &Scope,
        labels: Option<&str>,
        detail: Detail,
    ) -> Result<Listing, ClusterError> {
        self.kind(kind)?;
        let selector = Selector::parse(labels)?;
        let objects = self.objects.get(&kind_id(kind)).into_iter().flatten();
        let here = objects.filter(|((namespace, _), object)| {
            let inside = match scope {
                Scope::All => true,
                Scope::Namespace(wanted) => wanted == namespace,
            };
            inside && selector.matches(object)
        });
        let items = here.map(|(_, object)| reduced(object, kind, detail)).collect();
        Ok(Listing { items, resource_version: self.revision().to_string() })
    }
}

/// The object as it is answered: in the version asked for, and no more of it than asked for.
pub(super) fn reduced(object: &Value, kind: &ApiKind, detail: Detail) -> Value {
    match detail {
        Detail::Whole => {
            let mut object = object.clone();
            object["apiVersion"] = Value::String(kind.api_version());
            object
        }
        Detail::Metadata => json!({
            "apiVersion": kind.api_version(), "kind": kind.kind,
            "metadata": object.get("metadata").cloned().unwrap_or_default(),
        }),
    }
}

/// A label selector, in the grammar of the API's `labelSelector`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Absent(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

impl Selector {
    pub(super) fn parse(text: Option<&str>) -> Result<Self, ClusterError> {
        let text = text.unwrap_or_default();
        let parts = split(text).into_iter().map(str::trim).filter(|part| !part.is_empty());
        let parsed: Option<Vec<_>> = parts.map(requirement).collect();
        parsed.map(Self).ok_or_else(|| ClusterError::Invalid {
            message: format!("unable to parse the label selector `{text}`"),
            fields: Vec::new(),
        })
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let label = |name: &String| object.pointer("/metadata/labels")?.get(name)?.as_str();
        self.0.iter().all(|requirement| match requirement {
            Requirement::Exists(name) => label(name).is_some(),
            Requirement::Absent(name) => label(name).is_none(),
            Requirement::In(name, values) => label(name).is_some_and(|value| values.iter().any(|one| one == value)),
            Requirement::NotIn(name, values) => label(name).is_none_or(|value| values.iter().all(|one| one != value)),
        })
    }
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut inside = false;
    text.split(move |c| {
        inside = match c {
            '(' => true,
            ')' => false,
            _ => inside,
        };
        c == ',' && !inside
    })
    .collect()
}

fn requirement(part: &str) -> Option<Requirement> {
    let name = |text: &str| Some(text.trim().to_owned()).filter(|name| !name.is_empty() && !name.contains(' '));
    let values = |text: &str| -> Option<Vec<String>> {
        let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|value| value.trim().to_owned()).collect())
    };
    if let Some((key, rest)) = part.split_once(" notin ") {
        return Some(Requirement::NotIn(name(key)?, values(rest)?));
    }
    if let Some((key, rest)) = part.split_once(" in ") {
        return Some(Requirement::In(name(key)?, values(rest)?));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(name(key)?, vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(name(key)?, vec![value.trim().to_owned()]));
    }
    match part.strip_prefix('!') {
        Some(key) => Some(Requirement::Absent(name(key)?)),
        None => Some(Requirement::Exists(name(part)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_select() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        let check = |text: &str, expected: bool| {
            assert_eq!(Selector::parse(Some(text)).expect("a selector").matches(&object), expected, "{text}");
        };
        check("", true);
        check("app=web,tier==front", true);
        check("app!=web", false);
        check("app in (web, db),!gone", true);
        check("tier notin (front)", false);
        check("app", true);
        check("skerry.dev/fleet=x", false);
        assert!(Selector::parse(Some("a b")).is_err());
    }
}
