//! Validators: transformers that may refuse, but not change.

use std::collections::HashSet;

use skerry_yaml::Node;

use crate::codes::{self, Fallible, fail_with_help};
use crate::kustomize::resource::Resource;
use crate::kustomize::transformers::{Step, Transformer};
use crate::tree::View;

/// The one label that a validator may leave.
const VALIDATED_BY: &str = "validated-by";

/// Runs a validator; refuses one that touches a resource, even if it sets what is there already, and
/// resources that cannot be told apart, as Kustomize compares by their names.
pub(crate) fn run(
    view: &View<'_>,
    config: &Resource,
    transformer: Transformer,
    resources: &mut Vec<Resource>,
) -> Fallible<()> {
    let before = resources.clone();
    let touches = transformer.rewrites_matches(resources);
    Step { transformer, maker: None }.run(view, resources)?;
    let same = before.len() == resources.len() && before.iter().zip(resources.iter()).all(|(a, b)| is_same(a, b));
    let mut ids = HashSet::new();
    if let Some(twice) = resources.iter().map(Resource::current_id).find(|id| !ids.insert(id.clone())) {
        let message = format!("the validator `{}` meets several resources that are `{}`", config.name(), twice.shown());
        let help = "give them different names: Kustomize compares resources by their names around a validator";
        return fail_with_help(codes::VALIDATOR_CHANGES, &config.location(), message, help);
    }
    if same && !touches {
        return Ok(());
    }
    let message = format!("the validator `{}` changes resources", config.name());
    let help = "list it in `transformers`, or let it only look";
    fail_with_help(codes::VALIDATOR_CHANGES, &config.location(), message, help)
}

fn is_same(before: &Resource, after: &Resource) -> bool {
    let mut after = Resource { anchors: before.anchors, ..after.clone() };
    if *before == after {
        return true;
    }
    let Some(metadata) = after.node.get_mut("metadata") else { return false };
    let Some(labels) = metadata.get_mut("labels") else { return false };
    // Beside other labels it counts as a change, because Kustomize then writes all of them anew.
    let is_alone = labels.entries().len() == 1 && labels.get(VALIDATED_BY).is_some_and(Node::is_scalar);
    if is_alone {
        metadata.remove("labels");
    }
    is_alone && *before == after
}
