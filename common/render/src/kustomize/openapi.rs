//! `openapi`: which schema says how lists of a kind are merged and whether it has a namespace.
//!
//! It is one for the whole build, chosen by the first kustomization that names one ([`SchemaState`]).

use skerry_yaml::{Rules, to_json_with};

use super::SchemaState;
use super::accumulate::load;
use super::file::Kustomization;
use super::resource::Resource;
use super::schema::Custom;
use crate::codes::{self, Fallible, fail};
use crate::document::parse_nodes;
use crate::tree::View;

/// Takes the schema that a kustomization names, when none is chosen yet.
pub(crate) fn choose(view: &View<'_>, kustomization: &Kustomization) -> Fallible<()> {
    let rule = &kustomization.openapi;
    let loaded = match &rule.path {
        Some(path) => Some(load(view, kustomization, path)?),
        None => None,
    };
    if view.schema().is_decided() {
        return Ok(());
    }
    let chosen = match (&loaded, &rule.version) {
        (None, None) => Ok(()),
        (Some(_), Some(_)) => Err("either a `path` or a `version` can be named, not both".to_owned()),
        (None, Some(version)) => view.schema().choose_version(version),
        (Some((found, content)), None) => {
            let nodes = parse_nodes(content, &found.path, &view.limits).unwrap_or_default();
            let json = match nodes.first() {
                Some(node) => to_json_with(node, Rules::Kubernetes).unwrap_or_default(),
                // `parse_nodes` leaves out what is an empty mapping.
                None if content.trim_ascii() == b"{}" => serde_json::json!({}),
                None => serde_json::Value::Null,
            };
            let named = |message| format!("the schema in `{}` cannot be used: {message}", found.path);
            view.schema().choose(Custom::read(&json).map_err(named), &rule.at);
            Ok(())
        }
    };
    match chosen {
        Ok(()) => Ok(()),
        Err(message) => fail(codes::SCHEMA, &rule.at, message),
    }
}

/// Refuses a schema file that cannot be used and was needed.
pub(crate) fn check(view: &View<'_>) -> Fallible<()> {
    match view.schema().problem() {
        Some((message, at)) => fail(codes::SCHEMA, at, message),
        None => Ok(()),
    }
}

/// Tells resources of the schema in force.
pub(crate) fn tell(view: &View<'_>, resources: &mut [Resource]) {
    let schema = view.schema();
    let Some(custom) = SchemaState::custom(&schema) else { return };
    resources.iter_mut().for_each(|resource| resource.schema = Some(custom.clone()));
}
