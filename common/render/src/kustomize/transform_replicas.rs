//! `replicas`.

use skerry_yaml::Node;

use super::field_spec::{self, FieldSpec, Misfit, Missing, Specs};
use super::file::ReplicaRule;
use super::quotes::keep_style;
use super::resource::Resource;
use crate::codes::{self, Fallible, fail};

/// Sets the number of replicas of what has, or had, a name.
pub(crate) fn apply(resources: &mut [Resource], rule: &ReplicaRule, specs: &Specs) -> Fallible<()> {
    let mut found = false;
    for spec in specs.iter() {
        for resource in resources.iter_mut() {
            if !is_meant(resource, rule, spec) {
                continue;
            }
            found = true;
            let mut set = |node: &mut Node| {
                if !node.is_scalar() {
                    return Err(Misfit("a number is needed here".to_owned()));
                }
                let mut count = Node::integer(rule.count);
                keep_style(node, &mut count);
                field_spec::put(node, count);
                Ok(())
            };
            field_spec::visit(resource, spec, Missing::Scalar, &mut set)?;
        }
    }
    if found {
        return Ok(());
    }
    let message = format!("no resource that has replicas is called `{}`", rule.name);
    fail(codes::REPLICAS_UNMATCHED, &rule.at, message)
}

fn is_meant(resource: &Resource, rule: &ReplicaRule, spec: &FieldSpec) -> bool {
    resource.has_id(|id| id.name == rule.name && id.gvk.is_selected(&spec.group, &spec.version, &spec.kind))
}

/// Whether a rule writes a field of any of the resources.
pub(crate) fn writes(resources: &[Resource], rule: &ReplicaRule, specs: &Specs) -> bool {
    let is_written = |resource: &Resource, spec: &FieldSpec| {
        let mut found = false;
        let mut note = |_: &mut Node| {
            found = true;
            Ok(())
        };
        is_meant(resource, rule, spec)
            && field_spec::visit(&mut resource.clone(), spec, Missing::Scalar, &mut note).is_ok()
            && found
    };
    resources.iter().any(|resource| specs.iter().any(|spec| is_written(resource, spec)))
}
